import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Config } from '../src/installation/config.ts'
import { elsewhere, KeptEngine } from './support/data/kept-engine.ts'
import { Remote } from './support/network/remote.ts'
import { startTestServer, type TestServer } from './support/network/test-server.ts'

const initialToken = 'a-token-of-my-own-with-many-characters'

/** A server with a folder of its own; its data is in `engine`. */
async function start(engine: KeptEngine, settings: Partial<Config> = {}): Promise<TestServer> {
  const shared = { ...elsewhere, ...settings }
  const server = await startTestServer(shared, { open: async () => engine })
  onTestFinished(() => server.close())
  return server
}

function tokenFileOf({ data }: TestServer): string | undefined {
  const file = join(data, 'first-token')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

async function usersOf({ url }: TestServer, token: string): Promise<string[]> {
  const { data } = await new Remote(url).do('/coatcheck/v1/users', { token })
  return data.items.map(({ username }: { username: string }) => username)
}

describe('servers that start for the first time at once, on one engine', () => {
  it('make one user; only the folder of the server that made the user has a token, and it works', async () => {
    for (let round = 0; round < 10; round += 1) {
      const engine = new KeptEngine()
      const servers = await Promise.all([start(engine), start(engine), start(engine)])
      const tokens = servers.map(({ token }) => token).filter(Boolean)
      expect(tokens).toHaveLength(1)
      expect(servers.map(tokenFileOf).filter(Boolean)).toEqual(tokens)
      for (const server of servers) {
        expect(await usersOf(server, tokens[0] ?? '')).toEqual(['owner'])
        expect(server.logged).toEqual([])
      }
    }
  })

  it('make one user if one server starts completely during the first commit of the other', async () => {
    const engine = new KeptEngine()
    let other: TestServer | undefined
    // The very first commit stores the format of the data.
    engine.beforeCommit = async () => {
      engine.beforeCommit = async () => {
        other = await start(engine)
      }
    }
    const slower = await start(engine)
    expect([slower.token, tokenFileOf(slower)]).toEqual(['', undefined])
    expect(other?.token).toBe(other && tokenFileOf(other))
    expect(await usersOf(slower, other?.token ?? '')).toEqual(['owner'])
  })

  it('all accept the same COATCHECK_INITIAL_TOKEN', async () => {
    const engine = new KeptEngine()
    const servers = await Promise.all([1, 2].map(() => start(engine, { initialToken })))
    for (const server of servers) {
      expect(await usersOf(server, initialToken)).toEqual(['owner'])
      expect(server.logged).toEqual([])
    }
  })

  it('log that one of two different tokens is ignored', async () => {
    const engine = new KeptEngine()
    const tokens = [initialToken, `${initialToken}-another`]
    const servers = await Promise.all(tokens.map((token) => start(engine, { initialToken: token })))
    expect(servers.flatMap(({ events }) => events).toSorted()).toEqual([
      expect.stringMatching(/^A NEW INSTALLATION was made in /),
      expect.stringMatching(/^COATCHECK_INITIAL_TOKEN is ignored/),
    ])
  })
})
