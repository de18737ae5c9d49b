import { describe, expect, it, vi } from 'vitest'
import {
  type DataCommands,
  longSuitePlaces,
  openPlace,
  places,
} from './support/data/data-commands.ts'
import { plainRequest } from './support/network/plain-request.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'

// Each place is a server, or a folder with its own data.
vi.setConfig({ testTimeout: 120_000 })

const tokenPattern = /^coatcheck_[a-zA-Z0-9]{51}$/
const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const id = expect.stringMatching(/^[a-zA-Z0-9]{17}$/)
const tokenId = expect.stringMatching(/^[0-9a-f]{16}$/)
const hourMs = 3_600_000

/** Commands that are refused, and the message of each. */
const refusals = [
  ['user add owner', /There is a user named owner already\.$/],
  ['user add no~name', /A username has at most/],
  ['user disable nobody', /There is no user nobody\.$/],
  ['user disable owner', /This server needs at least one admin/],
  ['user admin owner off', /This server needs at least one admin/],
  ['user enable ..', /There is no user \.\.\.$/],
  ['user enable a/b?c#d', /There is no user a\/b\?c#d\.$/],
  ['token list --user nobody', /There is no user nobody\.$/],
  ['token create --user nobody', /There is no user nobody\.$/],
  ['token create --prefix a --action read', /Invalid token settings: a key prefix/],
  ['token revoke 0123456789abcdef', /There is no token 0123456789abcdef\.$/],
  ['token revoke ../users', /There is no token \.\.\/users\.$/],
  ['audit --user nobody', /There is no user nobody\.$/],
] as const

describe.each(longSuitePlaces)('coatcheck user, with %s', (place) => {
  it('adds a user, and prints the token once, alone on stdout', async () => {
    const { commands, server } = await openPlace(place)
    const { code, stdout, stderr } = await commands.run('user', 'add', 'jane')
    const token = stdout.trim()
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${token}\n` })
    expect(token).toMatch(tokenPattern)
    expect(stderr).toMatch(/^The user jane was added\. [^\n]*shown only this once:\n$/)
    expect(await whoIs(token, { commands, server })).toMatchObject({
      username: 'jane',
      isAdmin: false,
      token: { scope: { action: 'manage', storeId: null, keyPrefix: null } },
    })
  })

  it('lists users, the oldest first', async () => {
    const { commands } = await openPlace(place)
    await commands.out('user', 'add', 'zoe', '--admin')
    await commands.out('user', 'add', 'amy')
    const shown = [id, expect.anything(), 'active', 'RESTRICTED', isoTime]
    expect(await commands.rows('user', 'list')).toEqual([
      ['owner', shown[0], 'admin', ...shown.slice(2)],
      ['zoe', shown[0], 'admin', ...shown.slice(2)],
      ['amy', shown[0], 'user', ...shown.slice(2)],
    ])
  })

  it('disables and enables a user, and makes admins', async () => {
    const { commands, server } = await openPlace(place)
    const token = (await commands.out('user', 'add', 'jane')).trim()
    expect(await commands.out('user', 'disable', 'jane')).toBe('The user jane is disabled.\n')
    expect(await whoIs(token, { commands, server })).toBeUndefined()
    expect(await commands.out('user', 'enable', 'jane')).toBe('The user jane is enabled.\n')
    expect(await commands.out('user', 'admin', 'jane', 'on')).toBe('The user jane is an admin.\n')
    expect(await whoIs(token, { commands, server })).toMatchObject({ isAdmin: true })
    expect(await commands.out('user', 'admin', 'jane', 'off')).toBe(
      'The user jane is not an admin.\n',
    )
    expect(await whoIs(token, { commands, server })).toMatchObject({ isAdmin: false })
  })

  it('prints the data of the API as JSON', async () => {
    const { commands } = await openPlace(place)
    const owner = {
      id,
      username: 'owner',
      isAdmin: true,
      isDisabled: false,
      generalAccess: 'RESTRICTED',
      createdAt: isoTime,
    }
    const jane = { ...owner, username: 'jane', isAdmin: false }
    const scope = { action: 'manage', storeId: null, keyPrefix: null }
    expect(await commands.json('user', 'add', 'jane')).toEqual({
      ...jane,
      token: {
        id: tokenId,
        name: 'first token',
        userId: id,
        createdAt: isoTime,
        expiresAt: null,
        scope,
        token: expect.stringMatching(tokenPattern),
      },
    })
    expect(await commands.json('user', 'list')).toEqual({ items: [owner, jane], count: 2 })
    expect(await commands.json('user', 'admin', 'jane', 'on')).toEqual({ ...jane, isAdmin: true })
    const disabled = { ...jane, isAdmin: true, isDisabled: true }
    expect(await commands.json('user', 'disable', 'jane')).toEqual(disabled)
  })
})

describe.each(longSuitePlaces)('coatcheck token, with %s', (place) => {
  it('makes tokens with the given scope', async () => {
    const { commands, server } = await openPlace(place)
    await commands.out('user', 'add', 'jane')
    const words = ['--user', 'jane', '--name', 'reader', '--action', 'read', '--expires', '30d']
    const { code, stdout, stderr } = await commands.run('token', 'create', ...words)
    expect({ code, stdout: stdout.trim() }).toEqual({
      code: 0,
      stdout: expect.stringMatching(tokenPattern),
    })
    expect(stderr).toMatch(/^The token [0-9a-f]{16}, shown only this once:\n$/)
    expect(await whoIs(stdout.trim(), { commands, server })).toMatchObject({
      username: 'jane',
      token: { scope: { action: 'read' } },
    })
  })

  it('lists and revokes them', async () => {
    const { commands, server } = await openPlace(place)
    const token = (await commands.out('token', 'create', '--name', 'to go')).trim()
    const rows = await commands.rows('token', 'list')
    const first = [tokenId, 'first token', 'manage', 'all', '-', '-', '-', isoTime]
    expect(rows).toEqual([first, first.with(1, 'to go')])
    const made = rows[1]?.[0] ?? ''
    expect(await commands.out('token', 'revoke', made)).toBe(`The token ${made} was revoked.\n`)
    expect(await commands.rows('token', 'list')).toEqual([first])
    expect(await whoIs(token, { commands, server })).toBeUndefined()
  })

  it('makes tokens for a store by its name, and for a key prefix', async () => {
    const { commands, server } = await openPlace(place)
    const storeId = await makeStore('photos', { commands, server })
    const words = ['--store', 'photos', '--prefix', 'a b/', '--action', 'write']
    const { scope } = await commands.json('token', 'create', ...words)
    expect(scope).toEqual({ action: 'write', storeId, keyPrefix: 'a b/' })
    const rows = await commands.rows('token', 'list')
    expect(rows.at(-1)?.slice(2, 5)).toEqual(['write', storeId, 'a b/'])
  })

  it('prints the data of the API as JSON', async () => {
    const { commands } = await openPlace(place)
    const scope = { action: 'read', storeId: null, keyPrefix: null }
    const shape = { id: tokenId, name: 't', userId: id, createdAt: isoTime, expiresAt: null, scope }
    const { token, ...made } = await commands.json('token', 'create', '--name=t', '--action=read')
    expect(token).toMatch(tokenPattern)
    expect(made).toEqual(shape)
    const { items, count } = await commands.json('token', 'list')
    expect(count).toBe(2)
    expect(items[1]).toEqual({ ...made, lastUsedAt: null })
    expect(await commands.json('token', 'revoke', made.id)).toBeNull()
  })
})

it.each([
  ['30d', 30 * 24],
  ['12h', 12],
])('lets tokens expire after %s', async (words, hours) => {
  const { commands } = await openPlace('a running server')
  const token = await commands.json('token', 'create', '--expires', words)
  const lifeMs = Date.parse(token.expiresAt) - Date.parse(token.createdAt)
  expect(Math.round(lifeMs / hourMs)).toBe(hours)
})

it.each([
  ['2099-01-31', '2099-01-31T00:00:00.000Z'],
  ['2099-01-31T12:30Z', '2099-01-31T12:30:00.000Z'],
])('lets tokens expire at %s', async (text, expiresAt) => {
  const { commands } = await openPlace('a running server')
  expect(await commands.json('token', 'create', '--expires', text)).toMatchObject({ expiresAt })
})

describe.each(longSuitePlaces)('coatcheck audit, with %s', (place) => {
  it("lists what was done to a user's tokens and to other users, and by whom", async () => {
    const { commands } = await openPlace(place)
    await commands.out('user', 'add', 'jane')
    await commands.out('token', 'create', '--user', 'jane', '--name', 'mine')
    const own = await commands.rows('audit')
    expect(own.map((row) => row.slice(1, 5))).toEqual([
      ['owner', 'cli', 'token-created', 'mine'],
      ['owner', 'cli', 'token-created', 'first token'],
      ['owner', 'cli', 'user-created', 'jane'],
    ])
    const hers = await commands.rows('audit', '--user', 'jane')
    expect(hers.map((row) => row.slice(1, 5))).toEqual([
      ['owner', 'cli', 'token-created', 'mine'],
      ['owner', 'cli', 'token-created', 'first token'],
      ['owner', 'cli', 'user-created', 'jane'],
    ])
  })

  it('prints one page, and says where the next page begins', async () => {
    const { commands } = await openPlace(place)
    for (const name of ['a', 'b', 'c']) await commands.out('user', 'add', name)
    const { code, stdout, stderr } = await commands.run('audit', '--limit', '2')
    expect(code).toBe(0)
    const subjects = stdout.split('\n').map((line) => line.split('\t')[4])
    expect(subjects).toEqual(['first token', 'c', undefined])
    const [, before = ''] = /^Older events: --before (\d+)\n$/.exec(stderr) ?? []
    const rest = await commands.rows('audit', '--limit', '2', '--before', before)
    expect(rest.map((row) => row[4])).toEqual(['first token', 'b'])
  })

  it('prints the data of the API as JSON', async () => {
    const { commands } = await openPlace(place)
    await commands.out('user', 'add', 'jane')
    expect(await commands.json('audit')).toEqual({
      items: [
        expect.objectContaining({ action: 'token-created', subject: 'first token' }),
        {
          revision: expect.any(Number),
          revisionBefore: null,
          at: isoTime,
          action: 'user-created',
          subject: 'jane',
          details: { isAdmin: false },
          userId: id,
          username: 'owner',
          tokenId: null,
          door: 'cli',
        },
      ],
      count: 2,
      nextBefore: null,
    })
  })
})

it.each(places)('says in one sentence why a command failed, with %s', async (place) => {
  const { commands } = await openPlace(place)
  for (const [words, says] of refusals) {
    const { code, stdout, stderr } = await commands.run(...words.split(' '))
    expect({ code, stdout }, words).toEqual({ code: 1, stdout: '' })
    expect(stderr, words).toMatch(/^coatcheck: [^\n]+\.\n$/)
    expect(stderr.trim(), words).toMatch(says)
  }
})

it('a change by a command applies to a running server at once', async () => {
  const { commands, server } = await openPlace('a running server')
  const token = (await commands.out('user', 'add', 'jane')).trim()
  const places = { commands, server }
  expect(await whoIs(token, places)).toMatchObject({ username: 'jane' })
  await commands.out('user', 'disable', 'jane')
  expect(await whoIs(token, places)).toBeUndefined()
})

interface Opened {
  readonly commands: DataCommands
  readonly server: OwnServer
}

/** The user that a token belongs to, from the API; undefined without one. */
async function whoIs(token: string, opened: Opened): Promise<unknown> {
  return whileServed(opened, async (url) => {
    const headers = { Authorization: `Bearer ${token}` }
    const reply = await plainRequest(`${url}/coatcheck/v1/me`, { headers })
    return reply.status === 200 ? JSON.parse(reply.body.toString()).data : undefined
  })
}

/** Makes a store of the first user, and gives its id. */
async function makeStore(name: string, opened: Opened): Promise<string> {
  return whileServed(opened, async (url) => {
    const headers = { Authorization: `Bearer ${opened.server.token}` }
    const path = `/v2/key-value-stores?name=${name}`
    const reply = await plainRequest(url + path, { method: 'POST', headers })
    return JSON.parse(reply.body.toString()).data.id
  })
}

/** Runs `work` against the running server, or starts a server just for it. */
async function whileServed<T>(
  { commands, server }: Opened,
  work: (url: string) => Promise<T>,
): Promise<T> {
  if (!server.hasStopped) return work(server.url)
  const { data } = commands
  const other = await startOwnServer({ data })
  const result = await work(other.url)
  await other.stop()
  return result
}
