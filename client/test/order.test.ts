import { describe, expect, it } from 'vitest'
import { NemesisConnectionError, type NemesisError } from '../src/index.ts'
import { useNemesis } from './support.ts'

const many = 500

/** A value of `depth` arrays, one within the other. */
function nested(depth: number): unknown {
  let value: unknown = []
  for (let at = 1; at < depth; at += 1) value = [value]
  return value
}

describe('commands of NemesisClient', () => {
  const { connect } = useNemesis()
  const open = async () => {
    const told: (NemesisError | NemesisConnectionError)[] = []
    const client = await connect({ onQuietError: (error) => told.push(error) })
    return { client, told, session: await client.createSession('test') }
  }

  it('go out without waiting, and each gets its own answer', async () => {
    const { session } = await open()
    const work = Array.from({ length: many }, async (_, index) => {
      const set = session.set({ key: index })
      const got = session.getOne('key')
      const removed = session.remove([`none ${index}`])
      await Promise.all([set, removed])
      return got
    })
    expect(await Promise.all(work)).toEqual(Array.from({ length: many }, (_, index) => index))
  })

  it('get refusals in the order of their answers', async () => {
    const { client, session } = await open()
    const none = client.session(1n)
    const work = [session.count(), none.count(), session.keys(), none.keys(), client.exists([1n])]
    const outcomes = await Promise.allSettled(work)
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
  })

  it('may be quiet, between others that are not', async () => {
    const { session, told } = await open()
    const reads = Array.from({ length: many }, (_, index) => {
      session.setQuietly({ key: index })
      session.addQuietly({ [`new ${index}`]: index })
      return session.getOne('key')
    })
    expect(await Promise.all(reads)).toEqual(Array.from({ length: many }, (_, index) => index))
    expect(await session.count()).toBe(many + 1)
    expect(told).toEqual([])
  })

  it('tell only the handler when quiet ones fail', async () => {
    const { client, session, told } = await open()
    const none = client.session(7n)
    const before = session.count()
    none.setQuietly({ a: 1 })
    const between = session.count()
    none.addQuietly({ a: 1 })
    session.setQuietly({ a: 1 })
    const after = session.count()
    expect(await Promise.all([before, between, after])).toEqual([0, 0, 1])
    expect(told).toMatchObject([
      { command: 'KV_SETQ', status: 100, token: 7n },
      { command: 'KV_ADDQ', status: 100, token: 7n },
    ])
  })

  it('tell which keys addQuietly found to exist', async () => {
    const { client, session, told } = await open()
    await session.set({ a: 1, b: 2 })
    session.addQuietly({ a: 3, c: 3, b: 3 })
    await client.flush()
    expect(told).toMatchObject([{ command: 'KV_ADDQ', statusName: 'KeyExists' }])
    expect([...(told[0] as NemesisError).keys]).toEqual([
      ['a', 23],
      ['b', 23],
    ])
    expect(await session.getOne('c')).toBe(3)
  })

  it('are refused at once if their values can not be sent', async () => {
    const { session, told } = await open()
    expect(() => session.setQuietly({ a: undefined })).toThrow(TypeError)
    expect(() => session.setQuietly({ a: '\ud800' })).toThrow(TypeError)
    await expect(session.getOne('\ud800')).rejects.toThrow(TypeError)
    expect([await session.count(), told]).toEqual([0, []])
  })

  it('are rejected if the server does not understand the message', async () => {
    const { session } = await open()
    const refused = session.set({ a: nested(1_200) })
    const next = session.count()
    await expect(refused).rejects.toMatchObject({ command: 'KV_SET', statusName: 'JsonInvalid' })
    expect(await next).toBe(0)
  })

  it('tell the handler if only a quiet one can be what the server did not understand', async () => {
    const { session, told, client } = await open()
    session.setQuietly({ a: nested(1_200) })
    await expect.poll(() => told).toMatchObject([{ command: 'ERR', statusName: 'JsonInvalid' }])
    await client.flush()
  })

  it('end with their connection if nobody knows which message was refused', async () => {
    const { session, told } = await open()
    session.setQuietly({ a: nested(1_200) })
    const next = session.count()
    await expect(next).rejects.toThrow('could not say which one')
    await expect(next).rejects.toMatchObject({ outcome: 'unknown' })
    expect(told).toEqual([expect.any(NemesisConnectionError)])
    await expect(session.count()).rejects.toMatchObject({ outcome: 'not-sent' })
    expect(() => session.setQuietly({ a: 1 })).toThrow(NemesisConnectionError)
  })

  it('are rejected when the connection ends: with unknown outcome if in flight', async () => {
    const { session } = await open()
    const tooLong = session.set({ a: 'x'.repeat(1_100_000) })
    const next = session.count()
    await expect(tooLong).rejects.toMatchObject({
      name: 'NemesisConnectionError',
      outcome: 'unknown',
      message: expect.stringContaining('1009'),
    })
    await expect(next).rejects.toMatchObject({ outcome: 'unknown' })
    await expect(session.count()).rejects.toMatchObject({ outcome: 'not-sent' })
  })
})
