import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import type { Bytes } from '../core/kernel/bytes.ts'
import { writeBody } from './replies.ts'

it('a body is closed when the client has gone away, even if nothing but empty parts comes', async () => {
  let isClosed = false
  async function* empty(): AsyncGenerator<Bytes> {
    try {
      for (;;) {
        await new Promise(setImmediate)
        yield new Uint8Array(0)
      }
    } finally {
      isClosed = true
    }
  }
  const client = new PassThrough()
  setImmediate(() => client.destroy())
  await writeBody({ status: 200, headers: {}, body: empty() }, client, { isChunked: false })
  expect(isClosed).toBe(true)
})
