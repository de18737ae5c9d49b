import { isIP, isIPv6 } from 'node:net'

/** Whether the text is an IP address, or a network such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', length = '0', ...rest] = text.split('/')
  const bits = isIPv6(address) ? 128 : 32
  return isIP(address) !== 0 && rest.length === 0 && /^\d+$/.test(length) && Number(length) <= bits
}
