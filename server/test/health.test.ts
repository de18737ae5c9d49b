import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { EngineError } from '../src/core/engine/engine.ts'
import { limits } from '../src/core/kernel/limits.ts'
import type { Config } from '../src/installation/config.ts'
import { readVersion } from '../src/installation/version.ts'
import { elsewhere, KeptEngine } from './support/data/kept-engine.ts'
import { plainRequest } from './support/network/plain-request.ts'
import { type Json, Remote } from './support/network/remote.ts'
import { startTestServer, type TestServer } from './support/network/test-server.ts'
import { freePort } from './support/processes/free-port.ts'

const unreachable = 'The database db-7.internal:5432 can not be reached: ECONNREFUSED.'

let engine: KeptEngine

beforeEach(() => {
  engine = new KeptEngine()
})

async function start(settings: Partial<Config> = {}): Promise<TestServer> {
  const monotonic = (): number => performance.now()
  const server = await startTestServer(settings, { open: async () => engine, monotonic })
  onTestFinished(() => server.close())
  return server
}

interface Told {
  readonly status: number
  readonly body: Json
}

async function ask({ url }: TestServer, path = '/health', token?: string): Promise<Told> {
  const { status, text } = await new Remote(url).send(path, { token })
  return { status, body: JSON.parse(text) }
}

describe('/health', () => {
  it('shows strangers only the state of the server', async () => {
    const notes = ['The disk of /srv/coatcheck has 12 MiB of room left.']
    engine.ill = { notes }
    const server = await start()
    const told = {
      status: 'ok',
      ready: true,
      whyNot: null,
      engine: 'memory',
      durability: 'single',
      clockSkewMs: null,
      notes: [],
    }
    expect(await ask(server)).toEqual({ status: 200, body: told })
    const body = { ...told, notes, version: readVersion() }
    expect(await ask(server, '/health', server.token)).toEqual({ status: 200, body })
  })

  it('is never cached, and pages of other origins may read it', async () => {
    const { url } = await start()
    const { headers } = await plainRequest(`${url}/health`, { headers: { Origin: 'http://x' } })
    expect(headers).toMatchObject({ 'cache-control': 'no-store' })
    expect(headers).toMatchObject({ 'access-control-allow-origin': '*' })
    const preflight = await plainRequest(`${url}/health`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect((await plainRequest(`${url}/health`, { method: 'POST' })).status).toBe(405)
    expect((await plainRequest(`${url}/health/x`)).status).toBe(404)
    expect((await plainRequest(`${url}/healthy`)).status).toBe(404)
  })

  it('shows the notes of the engine only to admins with a token for everything', async () => {
    engine.ill = { notes: ['a note'] }
    const server = await start()
    const remote = new Remote(server.url)
    const made = async (json: object): Promise<string> => {
      const asked = { method: 'POST', token: server.token, json }
      return (await remote.do('/coatcheck/v1/tokens', asked)).data.token
    }
    const asked = { method: 'POST', token: server.token, json: { username: 'jane' } }
    const jane = (await remote.do('/coatcheck/v1/users', asked)).data.token.token
    for (const token of [await made({ action: 'read' }), await made({ action: 'write' }), jane]) {
      const { body } = await ask(server, '/health', token)
      expect(body.notes).toEqual([])
      expect(body).not.toHaveProperty('version')
    }
    const whole = await made({ action: 'manage' })
    expect((await ask(server, '/health', whole)).body.notes).toEqual(['a note'])
    expect((await ask(server, `/health?token=${whole}`)).body.notes).toEqual(['a note'])
    expect((await ask(server, '/health', 'wrong')).status).toBe(401)
  })

  it('is 503 with the reason if the engine does not serve', async () => {
    const server = await start()
    engine.ill = { whyNot: unreachable }
    // The user is still cached for a moment; after that, no user can be looked up.
    expect((await ask(server, '/health', server.token)).body.whyNot).toBe(unreachable)
    engine.readFailure = new EngineError('unavailable', unreachable)
    const stranger = await ask(server)
    expect(stranger.status).toBe(503)
    expect(stranger.body).toMatchObject({ status: 'unavailable', ready: false })
    expect(JSON.stringify(stranger.body)).not.toContain('db-7')
    expect(stranger.body.whyNot).toMatch(/^The storage [^\n]+\.$/)
    expect((await ask(server, '/health/ready')).status).toBe(503)
    expect((await ask(server, '/health/live')).status).toBe(200)
  })

  it('knows the admin who was looked up before the storage failed, and tells what is known', async () => {
    engine.ill = { durability: 'replicated' }
    const server = await start()
    const before = Date.now()
    expect((await ask(server, '/health', server.token)).body.durability).toBe('replicated')
    engine.ill = { whyNot: unreachable, durability: 'unknown' }
    engine.readFailure = new EngineError('unavailable', unreachable)
    await untilAskedAgain()
    const { status, body } = await ask(server, '/health', server.token)
    expect(status).toBe(503)
    expect(body).toMatchObject({ whyNot: unreachable, durability: 'unknown' })
    const known = /^The durability was last known at (\S+Z): replicated\.$/
    expect(body.notes).toEqual([expect.stringMatching(known)])
    const at = Date.parse(known.exec(body.notes[0])?.[1] ?? '')
    // The report may be one that was asked for during the start.
    expect(Math.abs(at - before)).toBeLessThan(60_000)
    const stranger = await ask(server)
    expect(stranger.body).toMatchObject({ durability: 'unknown', notes: [] })
  })

  it('forgets that admin when the token is revoked', async () => {
    const server = await start()
    const remote = new Remote(server.url)
    const asked = { method: 'POST', token: server.token, json: {} }
    const { token, id } = (await remote.do('/coatcheck/v1/tokens', asked)).data
    expect((await ask(server, '/health', token)).body).toHaveProperty('version')
    await remote.do(`/coatcheck/v1/tokens/${id}`, { method: 'DELETE', token: server.token })
    engine.ill = { whyNot: unreachable }
    engine.readFailure = new EngineError('unavailable', unreachable)
    expect(JSON.stringify((await ask(server, '/health', token)).body)).not.toContain('db-7')
  })

  it('treats a caller who cannot be looked up as a stranger', async () => {
    const server = await start()
    engine.ill = { whyNot: unreachable }
    engine.readFailure = new EngineError('unavailable', unreachable)
    const { status, body } = await ask(server, '/health', server.token)
    expect(status).toBe(503)
    expect(JSON.stringify(body)).not.toContain('db-7')
    expect(body.whyNot).toMatch(/so this token can't be checked\. .*"coatcheck status" tells why/)
  })

  it('shows the command line of this machine everything, even if the engine fails', async () => {
    const server = await start(elsewhere)
    const { secret } = JSON.parse(readFileSync(join(server.data, 'local-server'), 'utf8'))
    engine.ill = { whyNot: unreachable }
    engine.readFailure = new EngineError('unavailable', unreachable)
    expect((await ask(server, '/health', secret)).body.whyNot).toBe(unreachable)
    const headers = { Authorization: `Bearer ${secret}`, 'X-Forwarded-For': '127.0.0.1' }
    const passedOn = await plainRequest(`${server.url}/health`, { headers })
    expect(passedOn.body.toString()).not.toContain('db-7')
  })

  it('says when to retry if the server does not serve', async () => {
    const { url } = await start()
    engine.ill = { whyNot: unreachable }
    for (const path of ['/health', '/health/ready']) {
      const { headers } = await plainRequest(url + path)
      expect(headers['retry-after']).toBe('1')
    }
  })

  it('is degraded if acknowledged writes are less safe than configured', async () => {
    engine.ill = { durability: 'replicated' }
    const server = await start({ durability: 'replicated' })
    expect((await ask(server)).body).toMatchObject({ status: 'ok', durability: 'replicated' })
    engine.ill = { durability: 'single' }
    await untilAskedAgain()
    const { status, body } = await ask(server)
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'degraded', ready: true, durability: 'single' })
    expect(body.notes).toEqual(['Acknowledged writes are no longer replicated.'])
  })

  it('reports a clock that differs from the clock of the engine', async () => {
    engine.ill = { now: Date.now() + 3_600_000 }
    const { body } = await ask(await start())
    expect(body.status).toBe('degraded')
    expect(body.clockSkewMs).toBeGreaterThan(3_590_000)
    expect(body.notes).toHaveLength(1)
  })

  it('asks the engine at most once a second, however many callers ask', async () => {
    const server = await start()
    engine.timesAsked = 0
    const began = performance.now()
    const paths = ['/health', '/health/ready', '/health/live']
    const all = Array.from({ length: 100 }, (_, index) => ask(server, paths[index % 3]))
    for (const { status } of await Promise.all(all)) expect(status).toBe(200)
    const secondsMax = Math.ceil((performance.now() - began) / limits.cachedHealthMs)
    expect(engine.timesAsked).toBeGreaterThan(0)
    expect(engine.timesAsked).toBeLessThanOrEqual(secondsMax + 1)
  })
})

it.each([
  ['memory', 'none'],
  ['lmdb', 'single'],
] as const)('the engine %s reports its durability: %s', async (name, durability) => {
  const server = await startTestServer({ engine: name })
  onTestFinished(() => server.close())
  const { status, body } = await ask(server)
  expect(status).toBe(200)
  expect(body).toMatchObject({ engine: name, durability, status: 'ok' })
})

describe('a server that starts', () => {
  it('is live but not ready until every door is open', async () => {
    const { promise: mayOpen, resolve: open } = Promise.withResolvers<void>()
    const port = await freePort()
    const opener = async (): Promise<KeptEngine> => {
      await mayOpen
      return engine
    }
    const starting = startTestServer({ port }, { open: opener })
    onTestFinished(async () => (await starting).close())
    const url = `http://127.0.0.1:${port}`
    await vi.waitFor(() => plainRequest(url), { timeout: 5_000 })
    const told = async (path: string) => {
      const { status, body } = await plainRequest(url + path)
      return [status, JSON.parse(body.toString())]
    }
    expect(await told('/health/live')).toEqual([200, { live: true }])
    expect(await told('/health/ready')).toEqual([503, { ready: false }])
    const [status, body] = await told('/health')
    expect([status, body.status, body.ready]).toEqual([503, 'starting', false])
    open()
    await starting
    expect(await told('/health/ready')).toEqual([200, { ready: true }])
  })
})

/** Waits until the cached answer has expired. */
async function untilAskedAgain(): Promise<void> {
  const now = Date.now()
  const isOver = (): boolean => Date.now() - now >= limits.cachedHealthMs
  await vi.waitUntil(isOver, { timeout: 10_000 })
}
