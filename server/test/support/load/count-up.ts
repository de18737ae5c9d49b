import { plainRequest } from '../network/plain-request.ts'

/** A record that is a number, as several servers have it. */
export interface CountedRecord {
  /** One for each server. */
  readonly urls: readonly string[]
  readonly token: string
  readonly path: string
}

/**
 * `writers` go through the servers by turns and each adds one so many times: each reads the number
 * and writes the next one where it is still the one that was read. Returns what each server says in
 * the end.
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
