import { type Bound, type Frame, hostIdOf, newPrivateKey, publicKeyOf, verifyHello } from '@fettle/protocol'

/** The key of nobody: its private half is forgotten at once. */
const nobody = publicKeyOf(newPrivateKey())

/**
 * Whether a hello is signed by the host that it names. One hash and one verification, whatever is wrong: how long it takes does not tell whether
 * there is such a host.
 * @param publicKey undefined where nobody is known by that id
 */
export function proves(hello: Frame<'hello'>, publicKey: string | undefined, bound: Bound): boolean {
  const isIts = hostIdOf(publicKey ?? nobody) === hello.hostId
  const isSigned = verifyHello(isIts && publicKey !== undefined ? publicKey : nobody, bound, hello.signature)
  return isIts && isSigned
}
