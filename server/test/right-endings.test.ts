import { describe, expect, it, onTestFinished } from 'vitest'
import { openSocket } from './support/network/nemesis-session.ts'
import type { Json } from './support/network/remote.ts'
import { startTestServer } from './support/network/test-server.ts'
import { type OwnToken, People } from './support/people/people.ts'
import { useTestPeople } from './support/people/test-people.ts'

const stores = '/v2/key-value-stores'
const tokens = '/coatcheck/v1/tokens'
const users = '/coatcheck/v1/users'

/** A right, as docs/security.md lists them. */
interface Right {
  readonly title: string
  readonly refusal: number | string
  /** Gives the right to somebody. */
  gain(): Promise<Gained>
}

interface Gained {
  /** Uses the right once; the status of the answer. */
  use(): Promise<number | string>
  end(): Promise<unknown>
}

describe('every right', () => {
  const { server, people, jane } = useTestPeople({ nemesisPort: 0 }, 'jane')
  let count = 0

  function fresh(): string {
    count += 1
    return `fresh-${count}`
  }

  const status = async (path: string, token?: string): Promise<number> =>
    (await people.remote.send(path, { token })).status
  const call = async (method: string, path: string, json?: object): Promise<Json> =>
    people.remote.do(path, { method, token: jane.token, json })

  async function openStore(): Promise<{ id: string; path: string; name: string }> {
    const name = fresh()
    const { data } = await call('POST', `${stores}?name=${name}`)
    const path = `${stores}/${data.id}`
    await call('PUT', `${path}/records/K`, { text: 'text' })
    return { id: data.id, path, name }
  }

  /** A right to a store that a setting of it gives. */
  async function openedBy(
    settings: object,
    how: { by?: 'name'; token?: string; close: object },
  ): Promise<Gained> {
    const { path, name } = await openStore()
    await call('PATCH', path, settings)
    const address = how.by === 'name' ? `${stores}/jane~${name}` : path
    return {
      use: () => status(`${address}/records/K`, how.token),
      end: () => call('PATCH', path, how.close),
    }
  }

  async function ofToken(token: OwnToken, path: string): Promise<Gained> {
    return { use: () => status(path, token.token), end: () => people.revoke(jane, token) }
  }

  async function ofShare(action: 'read' | 'write' | 'manage'): Promise<Gained> {
    const { path, id } = await openStore()
    const joe = await people.create(fresh())
    await people.share(jane, id, { [joe.username]: action })
    const request = {
      read: { path: `${path}/records/K` },
      write: { method: 'PUT', path: `${path}/records/K`, body: 'x' },
      manage: { path: `${path}/access` },
    }[action]
    return {
      use: async () =>
        (await people.remote.send(request.path, { token: joe.token, ...request })).status,
      end: () => people.share(jane, id, { [joe.username]: null }),
    }
  }

  /** A right of pages, and the request about the project that ends it. */
  async function ofPage(
    end: { method: string; rest?: string; json?: object },
    { isOpen = false } = {},
  ): Promise<Gained> {
    const json = { name: fresh(), isOpen }
    const { channelId, pageKey } = (await call('POST', '/coatcheck/v1/projects', json)).data
    const query = isOpen ? 'key=a' : `key=a&pageKey=${pageKey}`
    const project = `/coatcheck/v1/projects/${channelId}${end.rest ?? ''}`
    return {
      use: () => status(`/datablock_storage/${channelId}/get_key_value?${query}`),
      end: () => call(end.method, project, end.json),
    }
  }

  /** The status of a command with a session token, which needs an API token besides. */
  async function ofSession(end: 'setting' | 'command'): Promise<Gained> {
    const { path } = await openStore()
    const { sessionToken } = (await call('PATCH', path, { session: true })).data
    const socket = await openSocket(`${server.nemesisUrl()}?token=${jane.token}`)
    const command = { tkn: Number(sessionToken) }
    return {
      use: async () => `${Object(await socket.command('KV_COUNT', command)).st}`,
      end: () =>
        end === 'setting'
          ? call('PATCH', path, { session: false })
          : socket.command('SH_END', command),
    }
  }

  const closed = { generalAccess: 'RESTRICTED' }
  const rights: readonly Right[] = [
    {
      title: "of a user's own token, when the user is disabled",
      refusal: 401,
      gain: async () => {
        const joe = await people.create(fresh())
        return { use: () => status('/v2/users/me', joe.token), end: () => people.disable(joe) }
      },
    },
    {
      title: "of a user's own token, when it is revoked",
      refusal: 401,
      gain: async () => {
        const joe = await people.create(fresh())
        const { data } = await people.remote.do('/coatcheck/v1/me', { token: joe.token })
        const token = { id: data.token.id, token: joe.token }
        return {
          use: () => status('/v2/users/me', joe.token),
          end: () => people.revoke(joe, token),
        }
      },
    },
    {
      title: 'of a token for one action, when it is revoked',
      refusal: 401,
      gain: async () => {
        const { path } = await openStore()
        return ofToken(await people.createToken(jane, { action: 'read' }), path)
      },
    },
    {
      title: 'of a token for one store, when it is revoked',
      refusal: 401,
      gain: async () => {
        const { path, id: storeId } = await openStore()
        return ofToken(await people.createToken(jane, { action: 'write', storeId }), path)
      },
    },
    {
      title: 'of a token for keys with a prefix, when it is revoked',
      refusal: 401,
      gain: async () => {
        const { path, id: storeId } = await openStore()
        const wish = { action: 'read', storeId, keyPrefix: 'K' } as const
        return ofToken(await people.createToken(jane, wish), `${path}/records/K`)
      },
    },
    {
      title: 'of an admin, when the user is no admin any more',
      refusal: 403,
      gain: async () => {
        const joe = await people.create(fresh())
        const set = (isAdmin: boolean): Promise<unknown> => {
          const asked = { method: 'PATCH', token: server.token(), json: { isAdmin } }
          return people.remote.do(`${users}/${joe.username}`, asked)
        }
        await set(true)
        return { use: () => status(users, joe.token), end: () => set(false) }
      },
    },
    { title: 'of a share to read, when it ends', refusal: 403, gain: () => ofShare('read') },
    { title: 'of a share to write, when it ends', refusal: 403, gain: () => ofShare('write') },
    { title: 'of a share to manage, when it ends', refusal: 403, gain: () => ofShare('manage') },
    {
      title: 'of everybody who knows the id of an open store, when it is closed',
      refusal: 403,
      gain: () => openedBy({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' }, { close: closed }),
    },
    {
      title: 'of everybody who knows the name of an open store, when it is open by its id only',
      refusal: 404,
      gain: () =>
        openedBy(
          { generalAccess: 'ANYONE_WITH_NAME_CAN_READ' },
          { by: 'name', close: { generalAccess: 'ANYONE_WITH_ID_CAN_READ' } },
        ),
    },
    {
      title: "of everybody to a store that follows its owner's setting, when that changes",
      refusal: 403,
      gain: async () => {
        const setAccess = (generalAccess: string): Promise<Json> =>
          call('PATCH', '/coatcheck/v1/me', { generalAccess })
        await setAccess('ANYONE_WITH_ID_CAN_READ')
        const opened = await openedBy({ generalAccess: 'FOLLOW_USER_SETTING' }, { close: closed })
        return { ...opened, end: () => setAccess('RESTRICTED') }
      },
    },
    {
      title: 'of a session token, when the setting of the store ends it',
      refusal: '100',
      gain: () => ofSession('setting'),
    },
    {
      title: 'of a session token, when SH_END ends it',
      refusal: '100',
      gain: () => ofSession('command'),
    },
    {
      title: 'of a page key, when it is replaced',
      refusal: 401,
      gain: () => ofPage({ method: 'POST', rest: '/rotate-key' }),
    },
    {
      title: 'of a page key, when the store is no project any more',
      refusal: 404,
      gain: () => ofPage({ method: 'DELETE' }),
    },
    {
      title: 'of everybody who knows the channel id, when the project is closed',
      refusal: 401,
      gain: () => ofPage({ method: 'PATCH', json: { isOpen: false } }, { isOpen: true }),
    },
    {
      title: 'of the owner, when the store is dropped',
      refusal: 404,
      gain: async () => {
        const { path } = await openStore()
        return { use: () => status(path, jane.token), end: () => call('DELETE', path) }
      },
    },
  ]

  it.each(rights)('ends at once: $title', async ({ refusal, gain }) => {
    const { use, end } = await gain()
    const before = await use()
    expect([200, 201, '1']).toContain(before)
    await end()
    expect(await use()).toBe(refusal)
  })

  it('of the first token ends as that of any other, also on an open WebSocket', async () => {
    const first = await startTestServer({ nemesisPort: 0 })
    onTestFinished(() => first.close())
    const own = new People(first)
    const { data } = await own.remote.do('/coatcheck/v1/me', { token: first.token })
    const socket = await openSocket(`${first.nemesisUrl}?token=${first.token}`)
    const owner = { id: data.id, username: 'owner', token: first.token }
    await own.revoke(owner, { id: data.token.id, token: first.token })
    expect((await own.remote.send('/v2/users/me', { token: first.token })).status).toBe(401)
    expect((await socket.closed).code).toBe(1008)
  })

  it('of a token ends on an open WebSocket when the token expires', async () => {
    const json = { expiresInDays: 1.5 / 86_400 }
    const { token } = (await call('POST', tokens, json)).data
    const socket = await openSocket(`${server.nemesisUrl()}?token=${token}`)
    expect(await socket.command('SH_INFO_ALL', {})).toHaveProperty('totalKeys')
    expect((await socket.closed).code).toBe(1008)
    expect(await status('/v2/users/me', token)).toBe(401)
  })

  it('of a client without a token ends on loopback when the first user is disabled', async () => {
    const local = await startTestServer({ nemesisPort: 0 })
    onTestFinished(() => local.close())
    const own = new People(local)
    const other = await own.create('other')
    const asked = { method: 'PATCH', token: local.token }
    await own.remote.do(`${users}/other`, { ...asked, json: { isAdmin: true } })
    const socket = await openSocket(local.nemesisUrl)
    expect(await socket.command('SH_INFO_ALL', {})).toHaveProperty('totalKeys')
    const disable = { method: 'PATCH', token: other.token, json: { isDisabled: true } }
    await own.remote.do(`${users}/owner`, disable)
    expect((await socket.closed).code).toBe(1008)
    await expect(openSocket(local.nemesisUrl)).rejects.toThrow('401')
  })
})
