import { expect, it } from 'vitest'
import type { Commit, Revision } from '../../core/engine/engine.ts'
import { expectRefused, put, text, type Used, within } from './basics.ts'

/** What an engine promises when many clients write at once. */
export function describeOrder({ engine, key }: Used): void {
  it('lets one of many commits win that expect a key to be absent', async () => {
    const attempts = Array.from({ length: 50 }, (_, writer) =>
      engine().commit({
        checks: [{ key: key('a'), revision: undefined }],
        puts: [{ key: key('a'), value: Buffer.from(String(writer)) }],
      }),
    )
    const commits = await Promise.all(attempts)
    expect(commits.filter(({ applied }) => applied)).toHaveLength(1)
    const winner = commits.findIndex(({ applied }) => applied)
    expect(text((await engine().get([key('a')]))[0]?.value)).toBe(String(winner))
  })

  it('loses no update if many clients read, check and write', async () => {
    const increment = async (): Promise<void> => {
      for (;;) {
        const [entry] = await engine().get([key('n')])
        const value = Buffer.from(String(Number(text(entry?.value) || '0') + 1))
        const checks = [{ key: key('n'), revision: entry?.revision }]
        const commit = await engine().commit({ checks, puts: [{ key: key('n'), value }] })
        if (commit.applied) return
      }
    }
    await Promise.all(Array.from({ length: 24 }, increment))
    expect(text((await engine().get([key('n')]))[0]?.value)).toBe('24')
  })

  it('does not fail the commits around one that fails or is refused', async () => {
    const good = (name: string): Promise<Commit> =>
      engine().commit({ puts: [{ key: key(name), value: Buffer.from('x') }] })
    const failing = engine().commit({
      checks: [{ key: key('none'), revision: 1 }],
      deletes: [key('a')],
    })
    await put(engine(), [key('v'), 'value'])
    const refused = engine().commit({ sums: [{ key: key('v'), delta: 1n }] })
    const [first, failed, , second] = await Promise.all([
      good('a'),
      failing,
      expectRefused(refused),
      good('b'),
    ])
    expect([first.applied, failed.applied, second.applied]).toEqual([true, false, true])
  })

  it('never shows a commit at or below a revision that was read before', async () => {
    const seen = new Set<string>()
    let highest: Revision = 0
    let writing = true
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let index = 0; index < 20; index += 1) {
        const value = Buffer.from(`${writer}/${index}`)
        await engine().commit({ puts: [{ key: key('log'), value, stamped: true }] })
      }
    })
    const follower = async (): Promise<void> => {
      while (writing) {
        const { entries } = await engine().scan(within(key('log')), { limit: 999, bytes: 99_999 })
        const late = entries.filter((one) => one.revision <= highest && !seen.has(text(one.value)))
        expect(late).toEqual([])
        for (const entry of entries) seen.add(text(entry.value))
        highest = Math.max(highest, ...entries.map(({ revision }) => revision))
        await new Promise(setImmediate)
      }
    }
    const following = follower()
    await Promise.all(writers)
    writing = false
    await following
  })

  it('wakes whoever waits for a newer commit', async () => {
    const now = await put(engine(), [key('a'), '1'])
    const never = new AbortController().signal
    expect(await engine().newerThan(now - 1, never)).toBeGreaterThanOrEqual(now)
    const waiting = engine().newerThan(now, never)
    const next = await put(engine(), [key('a'), '2'])
    expect(await waiting).toBeGreaterThanOrEqual(next)
  })

  it('lets a wait be aborted', async () => {
    const now = await put(engine(), [key('a'), '1'])
    const abort = new AbortController()
    const waiting = engine().newerThan(now + 1_000, abort.signal)
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(engine().newerThan(now + 1_000, abort.signal)).rejects.toThrow('enough')
  })
}
