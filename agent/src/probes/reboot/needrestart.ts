import type { FactTypes } from '@fettle/catalog'

export type Needrestart = {
  readonly running: string | null
  readonly expected: string | null
  /** Whether it compared the kernels and found the running one to be the newest. */
  readonly kernelIsCurrent: boolean
  readonly reasons: FactTypes['reboot']['reasons']
  /** Null: not told (an unprivileged run sees only its own processes). */
  readonly services: readonly string[] | null
}

/**
 * `needrestart -b`, see README.batch.md: KSTA and UCSTA are 0 unknown, 1 nothing to do, 2 (and for kernels 3) an upgrade waits. 0 is never "no".
 * Other lines (notes of Perl among them) are passed over.
 */
export function parseNeedrestart(text: string): Needrestart {
  const values = (key: string) =>
    text.split('\n').flatMap(line => (line.startsWith(`NEEDRESTART-${key}:`) ? [line.slice(key.length + 13).trim()] : []))
  const value = (key: string) => values(key)[0]?.slice(0, 128) || null
  const running = value('KCUR')
  const expected = value('KEXP')
  const kernel = value('KSTA')
  const kernelWaits = kernel === '2' || kernel === '3'
  const reasons: FactTypes['reboot']['reasons'] = []
  if (kernelWaits)
    reasons.push({ kind: 'kernel', detail: `needrestart: runs ${running ?? 'an older kernel'}, expected is ${expected ?? 'a newer one'}` })
  if (value('UCSTA') === '2')
    reasons.push({ kind: 'firmware', detail: `needrestart: microcode ${value('UCCUR') ?? ''} is to become ${value('UCEXP') ?? 'newer'}` })
  // A text that ends in the middle of a line has lost what would speak against "nothing to do".
  const isWhole = text.endsWith('\n')
  const isComplete = isWhole && (kernel !== null || values('SVC').length > 0)
  const services = isComplete
    ? [
        ...new Set(
          values('SVC')
            .filter(Boolean)
            .map(name => name.slice(0, 128)),
        ),
      ].sort()
    : null
  return { running, expected: expected ?? (kernel === '1' ? running : null), kernelIsCurrent: isWhole && kernel === '1', reasons, services }
}
