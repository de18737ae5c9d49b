import { type Call, Client, type Reply } from '../network/client.ts'

/** A record with a number, on several servers that share data. */
export interface CountedRecord {
  /** One for each server. */
  readonly urls: readonly string[]
  readonly token: string
  readonly path: string
}

/**
 * Starts `writers` writers, spread over the servers. Each adds one `times` times: it reads the
 * number, and writes the next one if the number is unchanged. Returns the final text of the record
 * from each server.
 */
export async function countUp(
  { urls, token, path }: CountedRecord,
  { writers, times }: { writers: number; times: number },
): Promise<string[]> {
  const clients = urls.map((url) => new Client({ url, token }, { connections: writers }))
  const [first] = clients
  await first?.send({ method: 'PUT', path, body: '0' })
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      const client = clients[writer % clients.length]
      for (let time = 0; client && time < times; time += 1) await increment(client, path)
    }),
  )
  const replies = await Promise.all(clients.map((client) => client.send({ method: 'GET', path })))
  for (const client of clients) client.close()
  return replies.map(({ body }) => body.toString())
}

async function increment(client: Client, path: string): Promise<void> {
  const { headers, body }: Reply = await client.send({ method: 'GET', path })
  const next: Call = {
    method: 'PUT',
    path,
    body: `${Number(body) + 1}`,
    headers: { 'If-Match': headers.etag ?? '' },
  }
  const { status } = await client.send(next)
  if (status === 412) return increment(client, path)
  if (status !== 201) throw new Error(`An increment was answered with ${status}.`)
}
