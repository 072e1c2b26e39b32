import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { assertServable, certificatesOf, isIssuer, type Served, type Source } from './served.ts'

/** How often given files are read again, ms: links and mounts that are swapped tell no watcher. */
const READ_MS = 10_000

type Paths = { readonly cert: string; readonly key: string /** Authorities that agents are told to trust. */; readonly ca: string | null }

/** Certificates in files that somebody else renews. Whether they fit is proved before they are served. */
export function givenCertificate(paths: Paths): Source {
  return { everyMs: READ_MS, read: () => readGiven(paths) }
}

async function readGiven({ cert, key, ca }: Paths): Promise<Served> {
  const [chain, keyText, authorities] = [
    await textOf('tls.cert', cert),
    await textOf('tls.key', key),
    ca === null ? null : await textOf('tls.ca', ca),
  ]
  try {
    assertServable({ cert: chain, key: keyText })
    const certificates = certificatesOf(chain)
    const [own] = certificates
    if (!own) throw new Error('no certificate is in it')
    const expiresAt = own.validToDate.getTime()
    if (authorities === null) return { cert: chain, key: keyText, expiresAt, authorities: [], authorityExpiresAt: null }
    return { key: keyText, expiresAt, ...vouched(certificates, certificatesOf(authorities)) }
  } catch (error) {
    throw new Error(`Cannot serve TLS with ${cert} and ${key}: ${(error as Error).message}`, { cause: error })
  }
}

/** The authorities of a file, as PEM. @throws where it cannot be read, or holds none */
export async function readAuthorities(path: string): Promise<readonly string[]> {
  const text = await textOf('tls.ca', path)
  const found = certificatesOf(text).filter(certificate => certificate.ca && isIssuer(certificate, certificate))
  if (found.length === 0)
    throw new Error(`Cannot tell agents whom to trust: ${path} holds no certificate authority; wanted one that signed itself`)
  return found.map(certificate => certificate.toString())
}

/** The chain up to the authority that vouches for it, that one included: an agent that has only its pin finds it there. */
function vouched(chain: readonly X509Certificate[], known: readonly X509Certificate[]): Omit<Served, 'key' | 'expiresAt'> {
  const authorities = known.filter(certificate => certificate.ca && isIssuer(certificate, certificate))
  const path = [...chain]
  const pool = [...known]
  for (let last = path.at(-1); last && !isIssuer(last, last); last = path.at(-1)) {
    const issuer = pool.find(certificate => isIssuer(certificate, last))
    if (!issuer) throw new Error('no certificate in tls.ca vouches for it: wanted the authority that signed it')
    path.push(issuer)
  }
  const root = path.at(-1)
  const used = authorities.find(authority => authority.fingerprint256 === root?.fingerprint256)
  if (!used) throw new Error('no certificate in tls.ca vouches for it: wanted the authority that signed it')
  const others = authorities.filter(authority => authority !== used)
  return {
    cert: path.map(certificate => certificate.toString()).join(''),
    authorities: [used, ...others].map(certificate => certificate.toString()),
    authorityExpiresAt: used.validToDate.getTime(),
  }
}

async function textOf(setting: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new Error(`Cannot read ${setting} ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { cause: error })
  }
}
