/** Longest instance name, characters: what a DNS name may have, and what the conversation takes. */
const LONGEST = 253
/** Digits of the hostId behind `~`, tried in this order. */
const DIGITS = [6, 12, 32] as const

/** The names that a host may get, best first: its own, then with more and more digits of its hostId where another host has it. */
export function instanceCandidates(instance: string, hostId: string): string[] {
  const cut = (digits: number) => instance.slice(0, LONGEST - 1 - digits)
  return [instance.slice(0, LONGEST), ...DIGITS.map(digits => `${cut(digits)}~${hostId.slice(0, digits)}`)]
}

/** Every name is taken: only a host that was made for it gets here. */
export function noNameLeft(instance: string): Error {
  return new Error(
    `Cannot enrol ${JSON.stringify(instance)}: every name that it may have is taken; rename the machine or remove the hosts that have them`,
  )
}
