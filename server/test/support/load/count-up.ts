import { plainRequest } from '../network/plain-request.ts'

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
  record: CountedRecord,
  { writers, times }: { writers: number; times: number },
): Promise<string[]> {
  await ask(record, 0, { method: 'PUT', body: '0' })
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let time = 0; time < times; time += 1) await increment(record, writer)
    }),
  )
  const replies = record.urls.map((_, index) => ask(record, index))
  return (await Promise.all(replies)).map(({ body }) => body.toString())
}

async function increment(record: CountedRecord, index: number): Promise<void> {
  const { headers, body } = await ask(record, index)
  const next = { method: 'PUT', body: `${Number(body) + 1}` }
  const { status } = await ask(record, index, next, { 'If-Match': headers.etag ?? '' })
  if (status === 412) return increment(record, index)
  if (status !== 201) throw new Error(`An increment was answered with ${status}.`)
}

function ask(
  { urls, token, path }: CountedRecord,
  index: number,
  asked: { method?: string; body?: string } = {},
  headers: Readonly<Record<string, string>> = {},
): ReturnType<typeof plainRequest> {
  const url = urls[index % urls.length] + path
  return plainRequest(url, { ...asked, headers: { Authorization: `Bearer ${token}`, ...headers } })
}
