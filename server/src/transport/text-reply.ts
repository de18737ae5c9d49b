import type { HttpReply } from './exchange.ts'

export interface TextReply extends HttpReply {
  readonly body: string
}

/** One sentence for people. */
export function textReply(
  status: number,
  sentence: string,
  headers?: Readonly<Record<string, string>>,
): TextReply {
  const body = `${sentence}\n`
  const own = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
  }
  return { status, headers: { ...own, ...headers }, body }
}
