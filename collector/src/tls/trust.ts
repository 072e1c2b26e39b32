import { pinOf } from '@fettle/protocol'
import type { CollectorConfig } from '../config.ts'
import { readAuthorities } from './given.ts'
import type { Tls } from './tls.ts'

/** How agents know that they speak with this collector. */
export type Trust = {
  /** PEM of the authorities to trust from now on, the one in use first; empty where their systems know it. */
  authorities(): readonly string[]
  /** Pin of the first of them. */
  pin(): string | null
}

/** Whom agents are told to trust: the authority of what is served, or of a proxy that does TLS in its place. @throws where `tls.ca` holds none */
export async function trustOf({ values }: CollectorConfig, tls: Tls | undefined): Promise<Trust> {
  const { 'tls.ca': ca } = values
  const ofProxy = tls || ca === null ? [] : await readAuthorities(ca)
  const authorities = () => tls?.authorities ?? ofProxy
  const pin = () => {
    const [first] = authorities()
    return first === undefined ? null : pinOf(first)
  }
  return { authorities, pin }
}
