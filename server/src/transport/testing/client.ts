import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

/** An open client of `ws`, which notes the texts it gets. */
export async function openClient(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ client: WebSocket; texts: string[] }> {
  const client = new WebSocket(url, { headers })
  const texts: string[] = []
  client.on('message', (data) => texts.push(String(data)))
  onTestFinished(() => client.terminate())
  await once(client, 'open')
  return { client, texts }
}

/** How a client's connection ended. */
export async function closed(client: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = await once(client, 'close')
  return { code, reason: String(reason) }
}
