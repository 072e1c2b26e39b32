import { networkInterfaces } from 'node:os'

/**
 * The addresses by which this machine reaches others, as one text to be compared: changes where a cable, a wireless network or a tunnel comes or goes.
 * Addresses of one link only (fe80::/10) are left out: those of containers come and go all day.
 */
export function networkNow(): string {
  return Object.entries(networkInterfaces())
    .flatMap(([name, addresses]) => (addresses ?? []).filter(isReaching).map(({ address }) => `${name} ${address}`))
    .sort()
    .join('\n')
}

function isReaching({ internal, address }: { readonly internal: boolean; readonly address: string }): boolean {
  return !internal && !/^fe[89ab]/i.test(address)
}
