import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { settle } from '../../core/testing/times.ts'
import { DecodingError } from './content-encoding.ts'
import { DecodedLengths } from './decoded-lengths.ts'

/** A value whose parts come one by one, when the test wants them. */
class Decoding {
  opened = 0
  closed = 0
  #next = Promise.withResolvers<Bytes | undefined>()

  readonly open = (): AsyncGenerator<Bytes> => this.#parts()

  /** Undefined: the end. */
  async give(part: Bytes | undefined): Promise<void> {
    const { resolve } = this.#next
    this.#next = Promise.withResolvers()
    resolve(part)
    await settle()
  }

  async *#parts(): AsyncGenerator<Bytes> {
    this.opened += 1
    try {
      for (;;) {
        const part = await this.#next.promise
        if (!part) return
        yield part
      }
    } finally {
      this.closed += 1
    }
  }
}

const chunk = Buffer.alloc(limits.chunkBytes)
const askerOf = (owner: string): { owner: string; signal: AbortSignal; end(): void } => {
  const controller = new AbortController()
  return { owner, signal: controller.signal, end: () => controller.abort(new Error('ended')) }
}

describe('the decoded length of a value', () => {
  it('is found once for all that wait for it, and remembered', async () => {
    const lengths = new DecodedLengths()
    const decoding = new Decoding()
    const asked = [1, 2, 3].map(() => lengths.find('v', decoding.open, askerOf('a')))
    await settle()
    await decoding.give(chunk)
    await decoding.give(undefined)
    expect(await Promise.all(asked)).toEqual(Array(3).fill(chunk.length))
    expect(lengths.known('v')).toBe(chunk.length)
    expect(await lengths.find('v', decoding.open, askerOf('a'))).toBe(chunk.length)
    expect(decoding.opened).toBe(1)
  })

  it('is not looked for any more once the last one stops waiting', async () => {
    const lengths = new DecodedLengths()
    const decoding = new Decoding()
    const askers = [askerOf('a'), askerOf('b')]
    const asked = askers.map((asker) => lengths.find('v', decoding.open, asker))
    await settle()
    askers[0]?.end()
    await expect(asked[0]).rejects.toThrow('ended')
    await decoding.give(chunk)
    expect(decoding.closed).toBe(0)
    askers[1]?.end()
    await expect(asked[1]).rejects.toThrow('ended')
    await decoding.give(chunk)
    expect(decoding.closed).toBe(1)
    const again = new Decoding()
    const found = lengths.find('v', again.open, askerOf('a'))
    await settle()
    await again.give(undefined)
    expect(await found).toBe(0)
  })

  it('is not looked for again if the value can not be decoded', async () => {
    const lengths = new DecodedLengths()
    let opened = 0
    const open = async function* (): AsyncGenerator<Bytes> {
      opened += 1
      yield chunk
      throw new DecodingError('too-large')
    }
    for (let count = 0; count < 2; count += 1) {
      const found = lengths.find('bomb', open, askerOf('a'))
      await expect(found).rejects.toMatchObject({ reason: 'too-large' })
    }
    expect(opened).toBe(1)
    expect(lengths.known('bomb')).toBeUndefined()
  })

  it('is looked for in a bounded number of long values of one owner at the same time', async () => {
    const lengths = new DecodedLengths()
    const most = limits.decodingsBytesOwnerMax / limits.chunkBytes
    const decodings = Array.from({ length: most + 1 }, () => new Decoding())
    const asked = decodings.map(({ open }, index) => lengths.find(`${index}`, open, askerOf('a')))
    await settle()
    for (const decoding of decodings) {
      await decoding.give(chunk)
      await decoding.give(chunk)
    }
    // All were begun, and those for which there is room were begun again.
    expect(decodings.map(({ opened }) => opened)).toEqual([...Array(most).fill(2), 1])
    expect(decodings[most]?.closed).toBe(1)
    const other = await lengths.takeRoom(askerOf('b'))
    other[Symbol.dispose]()
    await decodings[0]?.give(undefined)
    expect(await asked[0]).toBe(0)
    await settle()
    expect(decodings[most]?.opened).toBe(2)
    for (const decoding of decodings) await decoding.give(undefined)
    await Promise.all(asked)
  })

  it('is not waited for without an end', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const lengths = new DecodedLengths()
    const most = limits.decodingsBytesOwnerMax / limits.chunkBytes
    for (let count = 0; count < most; count += 1) await lengths.takeRoom(askerOf('a'))
    const late = expect(lengths.takeRoom(askerOf('a'))).rejects.toMatchObject({
      code: 'store-busy',
    })
    await vi.advanceTimersByTimeAsync(limits.roomWaitMsMax)
    await late
    const asker = askerOf('a')
    const ended = expect(lengths.takeRoom(asker)).rejects.toThrow('ended')
    asker.end()
    await ended
  })
})
