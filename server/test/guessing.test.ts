import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createToken } from '../src/core/people/token-text.ts'
import { errorTypeOf, type PlainReply, plainRequest } from './support/network/plain-request.ts'
import { Remote } from './support/network/remote.ts'
import { engines, startTestServer, useTestServer } from './support/network/test-server.ts'
import { People } from './support/people/people.ts'

/** A token in a form that Coatcheck never makes itself. */
const initialToken = 'an-initial-token-that-somebody-made-up'
const guessesMax = 20
/** A new token in the form that Coatcheck makes, which nobody can guess. */
const wellMade = (): string => createToken({ randomBytes })

describe('guessing tokens through a trusted proxy', () => {
  const server = useTestServer({ trustedProxies: ['127.0.0.1', '10.0.0.0/8'] })

  const statusFrom = async (forwarded: string, token = 'guess'): Promise<number> => {
    const headers = { Authorization: `Bearer ${token}`, 'X-Forwarded-For': forwarded }
    return (await plainRequest(`${server.url()}/v2/users/me`, { headers })).status
  }

  it('is counted for the client that the proxy names, and not for what the client wrote', async () => {
    for (let n = 0; n < guessesMax; n += 1) {
      expect(await statusFrom(`192.0.2.${n}, 198.51.100.7, 10.0.0.9`)).toBe(401)
    }
    expect(await statusFrom('198.51.100.7')).toBe(429)
    expect(await statusFrom('198.51.100.8')).toBe(401)
    expect(await statusFrom('198.51.100.7', server.token())).toBe(200)
  })

  it('is counted for a /64 of IPv6', async () => {
    for (let n = 0; n < guessesMax; n += 1) {
      expect(await statusFrom(`2001:db8::${n.toString(16)}:1`)).toBe(401)
    }
    expect(await statusFrom('2001:db8::ffff:2')).toBe(429)
    expect(await statusFrom('2001:db8:0:1::1')).toBe(401)
  })

  it('is counted for the WebSocket as well', async () => {
    const headers = { 'X-Forwarded-For': '198.51.100.7' }
    const url = `${server.url()}/nemesis?token=guess`
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }
    const key = { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' }
    const refused = await plainRequest(url, { headers: { ...headers, ...upgrade, ...key } })
    expect(refused.status).toBe(429)
  })
})

describe('guessing tokens through a proxy that is not trusted', () => {
  const server = useTestServer()

  it('is counted for the proxy, whatever addresses the requests name', async () => {
    const statuses: number[] = []
    for (let n = 0; n <= guessesMax; n += 1) {
      const headers = { Authorization: 'Bearer guess', 'X-Forwarded-For': `192.0.2.${n}` }
      statuses.push((await plainRequest(`${server.url()}/v2/users/me`, { headers })).status)
    }
    expect(statuses).toEqual([...Array<number>(guessesMax).fill(401), 429])
  })
})

describe.each(engines)('guessing tokens, on %s', (engine) => {
  const server = useTestServer({ engine, initialToken })

  const ask = (path: string, token?: string, localAddress?: string): Promise<PlainReply> =>
    plainRequest(server.url() + path, {
      ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
      ...(localAddress && { localAddress }),
    })
  const answerOf = (reply: PlainReply): unknown => [reply.status, errorTypeOf(reply)]
  const wrong = [401, 'user-or-token-not-found']
  const limited = [429, 'rate-limit-exceeded']

  it('is refused after 20 wrong tokens from one address, on all paths together', async () => {
    const paths = ['/v2/users/me', '/coatcheck/v1/me', '/v2/key-value-stores', '/v2/users/owner']
    expect((await ask('/v2/users/me', server.token())).status).toBe(200)
    for (let n = 0; n < guessesMax; n += 1) {
      const path = paths[n % paths.length] ?? ''
      const isInQuery = n % 3 === 0
      const reply = await (isInQuery ? ask(`${path}?token=guess-${n}`) : ask(path, `guess-${n}`))
      expect(answerOf(reply), `${n}`).toEqual(wrong)
    }
    for (const path of paths) {
      for (const reply of [await ask(path, 'guess'), await ask(`${path}?token=guess`)]) {
        expect(answerOf(reply), path).toEqual(limited)
        expect(reply.headers['retry-after']).toBe('60')
        const { message } = JSON.parse(reply.body.toString()).error
        expect(message).toContain('minute')
      }
    }
  })

  it('does not lock out a token that is known to be valid', async () => {
    const remote = new Remote(server.url())
    for (let n = 0; n < 3; n += 1) {
      expect((await ask('/v2/users/me', server.token())).status).toBe(200)
      // A changed user is looked up again.
      const json = { generalAccess: 'RESTRICTED' }
      await remote.do('/coatcheck/v1/me', { method: 'PATCH', token: server.token(), json })
      expect(answerOf(await ask('/v2/users/me', 'guess'))).toEqual(limited)
    }
  })

  it('does not lock out tokens that Coatcheck made, even at their first use', async () => {
    const people = new People({ url: server.url(), token: server.token() })
    const jane = await people.create('jane')
    const { token } = await people.createToken(jane, { action: 'read' })
    expect((await ask('/v2/users/me', token)).status).toBe(200)
    expect(answerOf(await ask('/v2/users/me', wellMade()))).toEqual(wrong)
    const typo = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')
    expect(answerOf(await ask('/v2/users/me', typo))).toEqual(limited)
  })

  it('does not lock out an own token at its first use, whoever guessed before', async () => {
    // After a restart the server has seen no token yet.
    const server = await startTestServer({ engine: 'memory', initialToken })
    onTestFinished(() => server.close())
    const send = async (token: string): Promise<number> =>
      (
        await plainRequest(`${server.url}/v2/users/me`, {
          headers: { Authorization: `Bearer ${token}` },
        })
      ).status
    for (let n = 0; n < guessesMax; n += 1) expect(await send(`guess-${n}`)).toBe(401)
    expect(await send('guess')).toBe(429)
    expect(await send(initialToken)).toBe(200)
    expect(await send('guess')).toBe(429)
  })

  it('does not lock out callers who need no token', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('open')
    const store = server.client().keyValueStore(id)
    await store.setRecord({ key: 'K', value: 'text' })
    const link = new URL(await store.getRecordPublicUrl('K'))
    expect((await ask(link.pathname + link.search)).body.toString()).toBe('text')
    await store.update({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    expect((await ask(link.pathname)).body.toString()).toBe('text')
    expect(answerOf(await ask(link.pathname, 'guess'))).toEqual(limited)
  })

  it.runIf(process.platform === 'linux')('does not lock out other addresses', async () => {
    expect(answerOf(await ask('/v2/users/me', 'guess', '127.0.0.2'))).toEqual(wrong)
    expect(answerOf(await ask('/v2/users/me', 'guess'))).toEqual(limited)
  })

  it.runIf(process.platform === 'linux')('is limited for parallel requests too', async () => {
    const guesses = Array.from({ length: 300 }, (_, n) =>
      ask('/v2/users/me', `x-${n}`, '127.0.0.3'),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(guessesMax)
    expect(statuses.filter((status) => status === 429)).toHaveLength(300 - guessesMax)
  })
})

describe('guessing channel ids by making projects', () => {
  const server = useTestServer()
  const guessesMax = 100

  // A free id becomes a project, a taken one does not: without a bound that tells which exist.
  it('is counted for each user, and then also refuses ids that are free', async () => {
    const people = new People({ url: server.url(), token: server.token() })
    const eve = await people.create('eve')
    const statusOf = async (channelId: string, token: string): Promise<number> => {
      const path = `/datablock_storage/${channelId}/get_key_value?key=k`
      return (await people.remote.send(path, { token })).status
    }
    for (let n = 0; n <= guessesMax; n += 1) {
      expect(await statusOf(`class-${n}`, server.token())).toBe(200)
    }
    expect(await statusOf('own', eve.token)).toBe(200)
    for (let n = 0; n < guessesMax; n += 1) {
      expect(await statusOf(`class-${n}`, eve.token)).toBe(404)
    }
    expect(await statusOf(`class-${guessesMax}`, eve.token)).toBe(429)
    expect(await statusOf('free', eve.token)).toBe(429)
    expect(await statusOf('own', eve.token)).toBe(200)
    expect(await statusOf('free', server.token())).toBe(200)
  })
})
