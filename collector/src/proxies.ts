import { BlockList, isIP } from 'node:net'
import * as v from 'valibot'

/** An address, or a network as in RFC 4632 and RFC 4291: `10.0.0.0/8`, `fd00::/8`. */
export const network = v.pipe(
  v.string(),
  v.check(text => parts(text) !== undefined, 'wanted an address or a network, like 127.0.0.1, ::1 or 10.0.0.0/8'),
)

/** Whether an address is in one of the networks; IPv4 in IPv6 (`::ffff:10.0.0.1`) is IPv4. */
export function within(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const text of networks) {
    const found = parts(text)
    if (found) list.addSubnet(found.address, found.bits, found.family)
  }
  return address => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
  }
}

function parts(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', bits] = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  if (family === 0) return undefined
  const most = family === 4 ? 32 : 128
  const wanted = bits === undefined ? most : Number(bits)
  return wanted > most ? undefined : { address, bits: wanted, family: family === 4 ? 'ipv4' : 'ipv6' }
}
