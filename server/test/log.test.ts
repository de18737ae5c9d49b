import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { EngineError } from '../src/core/engine/engine.ts'
import { KeptEngine } from './support/data/kept-engine.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { NemesisSession } from './support/network/nemesis-session.ts'
import { plainRequest } from './support/network/plain-request.ts'
import { Remote } from './support/network/remote.ts'
import { startTestServer } from './support/network/test-server.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

// Some servers are processes of their own.
vi.setConfig({ testTimeout: 60_000 })

describe('the log of a server', () => {
  it('says that it stops, and that it has stopped', async () => {
    const server = await ServerProcess.start({ data: createTestFolder() })
    expect(await server.stop()).toBe(0)
    const lines = server.stderr.trimEnd().split('\n')
    expect(lines.map((line) => line.replace(/^\S+Z /, ''))).toEqual([
      expect.stringMatching(/^A NEW INSTALLATION was made in /),
      'Coatcheck is stopping: it received SIGTERM',
      'Coatcheck has stopped',
    ])
  })

  it('tells of wrong tokens, but not each time', async () => {
    const server = await startOwnServer({ data: createTestFolder() })
    const statuses: number[] = []
    for (let count = 0; count < 25; count += 1) {
      const url = `${server.url}/v2/key-value-stores?token=wrong-${count}`
      statuses.push((await plainRequest(url)).status)
    }
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
    const lines = server.stderr.trimEnd().split('\n')
    expect(lines.map((line) => line.replace(/^\S+Z /, ''))).toEqual([
      expect.stringMatching(/^A NEW INSTALLATION was made in /),
      'A wrong token came from 127.0.0.1',
      '20 wrong tokens came from 127.0.0.1: for up to 60 s none is tried',
    ])
    expect(server.stderr).not.toContain('wrong-')
  })

  it('tells of a token that is no longer valid', async () => {
    const server = await startOwnServer({ data: createTestFolder() })
    const remote = new Remote(server.url)
    const asked = { method: 'POST', token: server.token, json: {} }
    const { token, id } = (await remote.do('/coatcheck/v1/tokens', asked)).data
    const revoked = { method: 'DELETE', token: server.token }
    expect((await remote.send(`/coatcheck/v1/tokens/${id}`, revoked)).status).toBe(204)
    for (let count = 0; count < 3; count += 1) {
      expect((await remote.send('/v2/key-value-stores', { token })).status).toBe(401)
    }
    expect(server.problems).toEqual([
      expect.stringMatching(
        /^\S+ A token that is not valid, such as a revoked or an expired one, came from 127\.0\.0\.1$/,
      ),
    ])
  })

  it('tells once that connections are dropped because too many files are open', async () => {
    const few = ['bash', '-c', 'ulimit -n 64; "$@"; exit $?', '-']
    const server = await ServerProcess.start({ data: createTestFolder(), under: few })
    const { hostname, port } = new URL(server.url)
    const sockets: Socket[] = []
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
    })
    let closedCount = 0
    for (let count = 0; count < 100; count += 1) {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        closedCount += 1
      })
      sockets.push(socket)
    }
    await expect.poll(() => closedCount, { timeout: 20_000 }).toBeGreaterThan(50)
    await expect.poll(() => server.stderr).toMatch(/ Connections are cut off: \d+ are open/)
    expect(server.stderr.match(/ Connections are cut off/g)).toHaveLength(1)
    // The others are served, and the server has files left for its own work.
    for (const socket of sockets) socket.destroy()
    const served = async (): Promise<number> =>
      (await plainRequest(`${server.url}/health`).catch(() => ({ status: 0 }))).status
    await expect.poll(served, { timeout: 20_000 }).toBe(200)
  })

  it('has no line for each request that the storage refuses', async () => {
    const engine = new KeptEngine()
    const server = await startTestServer({}, { open: async () => engine })
    onTestFinished(() => server.close())
    const headers = { Authorization: `Bearer ${server.token}` }
    const stores = `${server.url}/v2/key-value-stores`
    await plainRequest(`${stores}?name=kept`, { method: 'POST', headers })
    const session = await NemesisSession.open(`${server.url.replace('http', 'ws')}/nemesis`)
    engine.commitFailure = new EngineError('unavailable', 'db-7 does not answer.')
    for (let count = 0; count < 50; count += 1) {
      const put = { method: 'PUT', headers, body: 'x' }
      expect((await plainRequest(`${stores}/~kept/records/KEY`, put)).status).toBe(503)
      await session.command('KV_SET', { keys: { key: count } })
    }
    expect(server.logged).toEqual([])
    expect(server.events).toEqual([
      'Writes are refused, because the storage fails: db-7 does not answer.',
    ])
  })
})
