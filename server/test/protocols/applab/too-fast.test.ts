import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendRaw } from '../../support/network/raw-connection.ts'
import type { Answered } from '../../support/network/remote.ts'
import {
  startTestServer,
  type TestServer,
  useTestServer,
} from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

const rateLimit = { status: 429, type: 'RATE_LIMIT' }
const pageCallsMax = 1_200
const projectCallsMax = 60_000
const isLong = process.env.COATCHECK_ENGINES === 'all'
/** By `npm run test:long` as many as all pages of a project may send together. */
const refusedCalls = isLong ? projectCallsMax : 5_000
const peerCallsMax = 18_000

// One after the other on one connection, 60,000 calls take a while on a busy machine.
describe('a page that sends too many requests', { timeout: 120_000 }, () => {
  let now = Date.UTC(2027, 0, 1)
  let server: TestServer
  let project: ApplabProject

  beforeAll(async () => {
    server = await startTestServer({}, { now: () => now })
    project = await ApplabProject.create(server)
  })

  afterAll(() => server.close())

  async function many(count: number, headers: Record<string, string>): Promise<Answered[]> {
    const replies: Answered[] = []
    for (let left = count; left > 0; left -= 100) {
      const parameters = { key: 'k' }
      const ask = (): Promise<Answered> => project.send('get_key_value', { parameters, headers })
      replies.push(...(await Promise.all(Array.from({ length: Math.min(left, 100) }, ask))))
    }
    return replies
  }

  /** Sends `count` calls one after the other on one connection; returns how many are refused. */
  async function refusedOf(count: number, headers: Record<string, string>): Promise<number> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const path = `/datablock_storage/${project.channelId}/get_key_value?key=k`
    const start = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}`
    const parts = [`${start}\r\n`.repeat(count - 1), `${start}Connection: close\r\n\r\n`]
    const replies = await sendRaw(server.url, parts, 'stay')
    return replies.split('HTTP/1.1 429 ').length - 1
  }

  it('must wait, but other pages of the project need not', async () => {
    const given = (await project.send('user_id')).headers.get('x-page-user') ?? ''
    const headers = { 'X-Page-User': given }
    const fine = await many(pageCallsMax, headers)
    expect(fine.filter(({ status }) => status === 200)).toHaveLength(pageCallsMax)
    const [refused] = await many(1, headers)
    expect(refused && refusalOf(refused)).toEqual(rateLimit)
    expect(refused?.headers.get('retry-after')).toBe('1')
    expect(JSON.parse(refused?.text ?? '').msg).toContain('wait 1 second.')
    // Refused calls do not count for the project.
    expect(await refusedOf(refusedCalls, headers)).toBe(refusedCalls)
    const other = (await project.send('user_id')).headers.get('x-page-user') ?? ''
    expect((await many(1, { 'X-Page-User': other }))[0]?.status).toBe(200)
    expect((await project.asOwner('get_key_values')).status).toBe(200)
    now += 1_000
    expect((await many(1, headers))[0]?.status).toBe(200)
  })

  // `page-rates` tests the same in a moment.
  it.runIf(isLong)('must wait too if it sends no valid id', async () => {
    now += 60_000
    expect(await refusedOf(peerCallsMax + 500, { 'X-Page-User': 'forged' })).toBe(500)
    const known = (await project.asOwner('user_id')).headers.get('x-page-user') ?? ''
    expect((await many(1, { 'X-Page-User': known }))[0]?.status).toBe(200)
  })
})

describe('guesses', () => {
  const server = useTestServer()

  it('of channels are refused after 100 from one address', async () => {
    const project = await ApplabProject.create({ url: server.url(), token: server.token() })
    const parameters = { key: 'k' }
    expect((await project.send('get_key_value', { parameters })).status).toBe(200)
    const guess = (channel: string): Promise<Response> =>
      fetch(`${server.url()}/datablock_storage/${channel}/get_key_value?key=k`)
    for (let n = 0; n < 100; n += 1) expect((await guess(`guess-${n}`)).status).toBe(404)
    const limited = await guess('guess')
    const { status } = limited
    expect(refusalOf({ status, text: await limited.text() })).toEqual(rateLimit)
    expect(limited.headers.get('retry-after')).toBe('60')
    // Callers with a known channel or with a token are still served.
    expect((await project.send('get_key_value', { parameters })).status).toBe(200)
    expect((await project.asOwner('get_key_value', { parameters })).status).toBe(200)
  })

  it('of page keys are refused after 100 from one address', async () => {
    const owner = { url: server.url(), token: server.token() }
    const project = await ApplabProject.create(owner, { isOpen: false })
    const parameters = { key: 'k' }
    const tryKey = async (key: string): Promise<unknown> => {
      const headers = { 'X-Page-Key': key }
      return refusalOf(await project.send('get_key_value', { parameters, headers }))
    }
    expect((await project.asPage('get_key_value', { parameters })).status).toBe(200)
    const invalid = { status: 401, type: 'PAGE_KEY_INVALID' }
    for (let n = 0; n < 100; n += 1) expect(await tryKey(`guess-${n}`)).toEqual(invalid)
    expect(await tryKey('guess')).toEqual(rateLimit)
    expect((await project.asPage('get_key_value', { parameters })).status).toBe(200)
  })
})
