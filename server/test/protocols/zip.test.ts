import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { Bytes } from '../../src/core/kernel/bytes.ts'
import { type ZipEntry, zipStream } from '../../src/protocols/http/zip.ts'
import { readEntries, readTexts, readZip } from '../support/network/read-zip.ts'

const chunkBytes = 1_048_576

function entryOf(name: string, content: ZipEntry['content'], isCompressible = true): ZipEntry {
  return { name, modifiedAt: Date.UTC(2026, 0, 1), comment: '', isCompressible, content }
}

async function* inTurn(...entries: ZipEntry[]): AsyncGenerator<ZipEntry> {
  yield* entries
}

/** A value that counts the parts read from it, and notes whether it was closed. */
class Watched {
  taken = 0
  isClosed = false

  async *chunks(count: number): AsyncGenerator<Bytes> {
    try {
      for (; this.taken < count; this.taken += 1) yield randomBytes(chunkBytes)
    } finally {
      this.isClosed = true
    }
  }
}

describe('a ZIP archive', () => {
  it('holds entries of all kinds, one of them empty', async () => {
    async function* parts(): AsyncGenerator<Bytes> {
      yield Buffer.from('in ')
      yield Buffer.alloc(0)
      yield Buffer.from('parts')
    }
    const entries = inTurn(
      entryOf('stored', Buffer.from('stored'), false),
      entryOf('deflated', Buffer.from('x'.repeat(5_000))),
      entryOf('streamed', parts()),
      entryOf('stored-stream', parts(), false),
      entryOf('empty', Buffer.alloc(0), false),
    )
    const archive = await buffer(zipStream(entries))
    expect(archive.length).toBeLessThan(2_000)
    expect(await readTexts(archive)).toEqual({
      stored: 'stored',
      deflated: 'x'.repeat(5_000),
      streamed: 'in parts',
      'stored-stream': 'in parts',
      empty: '',
    })
  })

  it('may have no entries', async () => {
    expect(await readZip(await buffer(zipStream(inTurn())))).toEqual([])
  })

  it('holds more files than 16 bits can count', { timeout: 120_000 }, async () => {
    const count = 66_000
    async function* many(): AsyncGenerator<ZipEntry> {
      for (let index = 0; index < count; index += 1) {
        yield entryOf(`file-${index}`, Buffer.from(`${index}`), false)
      }
    }
    const archive = await buffer(zipStream(many()))
    const entries = await readEntries(archive)
    expect(entries).toHaveLength(count)
    expect(entries.at(-1)?.fileName).toBe(`file-${count - 1}`)
  })

  it.each([true, false])('reads a value only as fast as it is read itself (%s)', async (kind) => {
    const watched = new Watched()
    const stream = zipStream(inTurn(entryOf('large', watched.chunks(30), kind)))
    await stream.next()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(watched.taken).toBeLessThan(10)
    let length = 0
    for await (const part of stream) length += part.length
    expect(watched).toMatchObject({ taken: 30, isClosed: true })
    expect(length).toBeGreaterThan(30 * chunkBytes)
  })

  it('asks for entries only as fast as it is read', async () => {
    let asked = 0
    async function* many(): AsyncGenerator<ZipEntry> {
      for (; asked < 1_000; asked += 1) yield entryOf(`e${asked}`, randomBytes(10_000), false)
    }
    const stream = zipStream(many())
    await stream.next()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(asked).toBeLessThan(50)
    await stream.return(undefined)
  })

  it.each([0, 1, 3])('closes its sources when it is closed after %i parts', async (count) => {
    const watched = new Watched()
    let areEntriesClosed = false
    async function* entries(): AsyncGenerator<ZipEntry> {
      try {
        yield entryOf('small', Buffer.from('x'), false)
        yield entryOf('large', watched.chunks(30))
      } finally {
        areEntriesClosed = true
      }
    }
    const stream = zipStream(entries())
    for (let part = 0; part < count; part += 1) await stream.next()
    await stream.return(undefined)
    expect(watched.taken).toBeLessThan(10)
    expect(watched.isClosed).toBe(watched.taken > 0)
    expect(areEntriesClosed).toBe(count > 0)
  })

  it.each(['of an entry', 'between entries'])('fails if reading fails %s', async (where) => {
    async function* failing(): AsyncGenerator<Bytes> {
      yield Buffer.alloc(100_000)
      throw new Error('unreadable')
    }
    async function* entries(): AsyncGenerator<ZipEntry> {
      if (where === 'of an entry') yield entryOf('failing', failing())
      throw new Error('unreadable')
    }
    await expect(buffer(zipStream(entries()))).rejects.toThrow('unreadable')
  })
})
