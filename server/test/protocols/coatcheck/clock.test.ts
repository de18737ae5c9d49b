import { describe, expect, it, onTestFinished } from 'vitest'
import { day } from '../../../src/core/testing/times.ts'
import { Remote } from '../../support/network/remote.ts'
import { startTestServer } from '../../support/network/test-server.ts'

const path = '/coatcheck/v1/clock'

describe('the clock', () => {
  it('being behind, does not end at once the tokens and links that are made meanwhile', async () => {
    let off = 0
    const server = await startTestServer(
      {},
      { now: () => Date.now() + off, monotonic: () => Date.now() },
    )
    onTestFinished(() => server.close())
    const remote = new Remote(server.url)
    const post = (at: string, json: object) =>
      remote.do(at, { method: 'POST', token: server.token, json })
    off = -40 * day
    const made = await post('/coatcheck/v1/tokens', { expiresInDays: 1 })
    const token: string = made.data.token
    expect((await remote.send('/coatcheck/v1/me', { token })).status).toBe(200)
    const { data } = await post('/v2/key-value-stores', {})
    const link = new URL(data.keysPublicUrl)
    expect((await remote.send(link.pathname + link.search)).status).toBe(200)
  })

  it('is shown to admins, who may confirm it', async () => {
    let off = 0
    const monotonic = Date.now()
    const server = await startTestServer(
      {},
      { now: () => Date.now() + off, monotonic: () => Date.now() },
    )
    try {
      const remote = new Remote(server.url)
      const ask = async (method: string, at: string) => {
        const { status, text } = await remote.send(at, { method, token: server.token })
        return { status, data: JSON.parse(text).data }
      }
      expect(await ask('GET', path)).toMatchObject({
        status: 200,
        data: { isHeld: false, note: null },
      })
      off = 8 * day
      const { data } = await ask('GET', path)
      expect(data).toMatchObject({ isHeld: true, note: expect.stringContaining('8 days ahead') })
      expect(Date.parse(data.time) - Date.parse(data.expectedTime)).toBeGreaterThan(7.9 * day)
      expect(Date.parse(data.expectedTime)).toBeGreaterThanOrEqual(monotonic)
      const confirmed = await ask('POST', `${path}/confirm`)
      expect(confirmed).toMatchObject({ status: 200, data: { isHeld: false, note: null } })
      expect(await ask('GET', path)).toMatchObject({ data: { isHeld: false } })
    } finally {
      await server.close()
    }
  })
})
