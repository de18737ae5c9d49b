const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const groupCount = 8
const networkGroups = 4

/**
 * The addresses that count as one sender: an IPv4 address, or a /64 of IPv6, of which a provider
 * gives every customer at least one (RFC 6177). Any other text stands for itself.
 */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address
  const [, inside] = mapped.exec(address) ?? []
  if (inside !== undefined) return inside
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const front = groupsOf(head)
  const back = groupsOf(tail ?? '')
  const zeros = tail === undefined ? 0 : Math.max(0, groupCount - front.length - back.length)
  const all = [...front, ...Array<string>(zeros).fill('0'), ...back]
  const network = all.slice(0, networkGroups).map((group) => Number.parseInt(group, 16))
  return `${network.map((group) => group.toString(16)).join(':')}::/64`
}

/** An IPv4 address at the end stands for two groups. */
function groupsOf(text: string): readonly string[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]))
}
