export function handshake({
  path = '/',
  lines = [],
}: {
  path?: string
  lines?: readonly string[]
} = {}): string {
  const own = [`GET ${path} HTTP/1.1`, 'Host: localhost', ...upgradeLines, ...lines]
  return `${own.join('\r\n')}\r\n\r\n`
}

export const upgradeLines: readonly string[] = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
