import { describe, expect, it } from 'vitest'
import { logNameOf } from '../../../core/engine/news.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { Heard } from './heard.ts'
import { logsOf, type Notice, notifyStatement, readNotice } from './notice.ts'

const never = new AbortController().signal
const payloadOf = (notice: Notice): string => notifyStatement(notice).split("'")[1] ?? ''

/** What is told of these notices, which begin where nothing was missed. */
async function told(
  notices: readonly (Notice | undefined)[],
): Promise<readonly string[] | undefined> {
  const heard = new Heard()
  heard.miss(10)
  const { place } = await heard.newsAfter(0, never)
  for (const notice of notices) heard.note(notice)
  const { logs } = await heard.newsAfter(place, never)
  return logs && [...logs]
}

describe('notices of commits', () => {
  it('name the logs that have got entries', async () => {
    const first = { before: 10, newest: 12, logs: ['a', 'b'] }
    expect(await told([first, { before: 12, newest: 13, logs: ['c'] }])).toEqual(['a', 'b', 'c'])
  })

  it('wake only if there is one', async () => {
    const heard = new Heard()
    heard.miss(10)
    const { place } = await heard.newsAfter(0, never)
    const news = heard.newsAfter(place, never)
    heard.note({ before: 10, newest: 11, logs: [] })
    heard.note({ before: 11, newest: 12, logs: ['a'] })
    expect([...((await news).logs ?? [])]).toEqual(['a'])
  })

  it('say that any log may have entries if one was lost, says nothing, or is false', async () => {
    const sound = { before: 10, newest: 11, logs: ['a'] }
    expect(await told([{ before: 11, newest: 12, logs: ['a'] }])).toBeUndefined()
    expect(await told([sound, undefined])).toBeUndefined()
    expect(await told([sound, { before: 11, newest: 12, logs: undefined }])).toBeUndefined()
    const twice = { before: 10, newest: 11, logs: [] }
    expect(await told([twice, sound])).toBeUndefined()
  })

  it('say so, too, to those who have not heard more logs than are remembered', async () => {
    const names = Array.from({ length: limits.heardLogsMax + 1 }, (_, at) => `${at}`)
    expect(await told([{ before: 10, newest: 11, logs: names.slice(1) }])).toHaveLength(
      limits.heardLogsMax,
    )
    const notices = names.map((name, at) => ({ before: 10 + at, newest: 11 + at, logs: [name] }))
    expect(await told(notices)).toBeUndefined()
  })

  it('can be read, and leave out the names if they are too many', () => {
    const key = Buffer.from('log')
    const value = Buffer.from('x')
    const logs = logsOf([{ puts: [{ key, value, stamped: true }] }, { puts: [{ key, value }] }])
    expect(logs).toEqual([logNameOf(key)])
    const notice = { before: 9_007_199_254_740_990, newest: 9_007_199_254_740_991, logs }
    expect(readNotice(payloadOf(notice))).toEqual(notice)
    const many = Array.from({ length: 1_000 }, (_, at) => logNameOf(Buffer.from(`${at}`)))
    const long = { ...notice, logs: many }
    expect(payloadOf(long).length).toBeLessThan(limits.noticeBytesMax)
    expect(readNotice(payloadOf(long))).toEqual({ ...notice, logs: undefined })
    expect(readNotice(payloadOf({ ...notice, logs: [] }))).toEqual({ ...notice, logs: [] })
    for (const payload of [undefined, '', '1', '1 2 short', "1 2 '", '1 2 * *']) {
      expect(readNotice(payload)).toBeUndefined()
    }
  })
})
