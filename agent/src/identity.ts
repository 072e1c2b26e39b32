import { type Bound, hostIdOf, newPrivateKey, publicKeyOf, signHello } from '@fettle/protocol'
import type { StateDir } from './host/state.ts'

const KEY_FILE = 'key.pem'
/** The key that a new one replaced. */
const OLD_KEY_FILE = 'key.replaced.pem'

/** Who this agent is. The private key stays inside: it only signs. */
export type Identity = {
  readonly hostId: string
  /** SPKI DER, base64. */
  readonly publicKey: string
  /** Whether the key was made just now: nobody can know this host yet. */
  readonly fresh: boolean
  /** Signature for one connection, base64. */
  sign(bound: Omit<Bound, 'hostId'>): string
}

/** The key of this machine, made at the first start. @throws where it can neither be read nor made, or is no Ed25519 key */
export async function openIdentity(state: StateDir): Promise<Identity> {
  const kept = await state.read(KEY_FILE)
  const pem = kept?.toString('utf8') ?? newPrivateKey()
  const publicKey = readKey(pem, `${state.path}/${KEY_FILE}`)
  if (!kept) await state.write(KEY_FILE, pem)
  return identityOf(pem, publicKey, kept ? 'known' : 'fresh')
}

/** Another key for a machine that is a copy of one. Nothing is changed on the disk before `keep`, which sets the old key aside. */
export function renewIdentity(state: StateDir): Identity & { keep(): Promise<void> } {
  const pem = newPrivateKey()
  return {
    ...identityOf(pem, publicKeyOf(pem), 'fresh'),
    async keep() {
      const old = await state.read(KEY_FILE)
      if (old) await state.write(OLD_KEY_FILE, old)
      await state.write(KEY_FILE, pem)
    },
  }
}

function identityOf(pem: string, publicKey: string, age: 'fresh' | 'known'): Identity {
  const hostId = hostIdOf(publicKey)
  return { hostId, publicKey, fresh: age === 'fresh', sign: bound => signHello(pem, { ...bound, hostId }) }
}

function readKey(pem: string, path: string): string {
  try {
    return publicKeyOf(pem)
  } catch (error) {
    throw new Error(`Cannot use the key ${path}: ${(error as Error).message}; remove it and enrol this machine again`)
  }
}
