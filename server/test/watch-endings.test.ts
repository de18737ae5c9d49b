import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openSocket } from './support/network/nemesis-session.ts'
import type { Json } from './support/network/remote.ts'
import { useTestServer } from './support/network/test-server.ts'
import { People, type Person } from './support/people/people.ts'
import { ChangeStream } from './support/watching/change-stream.ts'

const stores = '/v2/key-value-stores'

/** A right to watch. Each stream says why it ends: by the type of the refusal. */
interface Right {
  readonly title: string
  readonly type: string
  /** Gives the right; `url` is the stream that it opens. */
  gain(): Promise<{ url: string; token?: string; end(): Promise<unknown> }>
}

describe('the right to watch', () => {
  const server = useTestServer({ nemesisPort: 0 })
  let people: People
  let jane: Person
  let count = 0

  beforeAll(async () => {
    people = new People({ url: server.url(), token: server.token() })
    jane = await people.create('jane')
  })

  const call = (method: string, path: string, json?: object): Promise<Json> =>
    people.remote.do(path, { method, token: jane.token, json })

  async function openStore(): Promise<{ id: string; path: string }> {
    const { data } = await call('POST', stores)
    return { id: data.id, path: `${stores}/${data.id}` }
  }

  async function createPerson(): Promise<Person> {
    count += 1
    return people.create(`person-${count}`)
  }

  const rights: readonly Right[] = [
    {
      title: 'of a token, when it is revoked',
      type: 'user-or-token-not-found',
      gain: async () => {
        const { path, id: storeId } = await openStore()
        const token = await people.createToken(jane, { action: 'read', storeId })
        return { url: `${path}/changes`, token: token.token, end: () => people.revoke(jane, token) }
      },
    },
    {
      title: 'of a user, when the user is disabled',
      type: 'user-or-token-not-found',
      gain: async () => {
        const { path, id } = await openStore()
        const joe = await createPerson()
        await people.share(jane, id, { [joe.username]: 'read' })
        return { url: `${path}/changes`, token: joe.token, end: () => people.disable(joe) }
      },
    },
    {
      title: 'of a share, when it ends',
      type: 'insufficient-permissions',
      gain: async () => {
        const { path, id } = await openStore()
        const joe = await createPerson()
        await people.share(jane, id, { [joe.username]: 'read' })
        const end = (): Promise<unknown> => people.share(jane, id, { [joe.username]: null })
        return { url: `${path}/changes`, token: joe.token, end }
      },
    },
    {
      title: 'of everybody, when the store is closed',
      type: 'insufficient-permissions',
      gain: async () => {
        const { path } = await openStore()
        const set = (generalAccess: string): Promise<Json> => call('PATCH', path, { generalAccess })
        await set('ANYONE_WITH_ID_CAN_READ')
        return { url: `${path}/changes`, end: () => set('RESTRICTED') }
      },
    },
    {
      title: 'of everybody who knows the channel id, when the project is closed',
      type: 'PAGE_KEY_MISSING',
      gain: async () => {
        count += 1
        const json = { name: `project-${count}`, isOpen: true }
        const { channelId } = (await call('POST', '/coatcheck/v1/projects', json)).data
        return {
          url: `/datablock_storage/${channelId}/changes?key=a`,
          end: () => call('PATCH', `/coatcheck/v1/projects/${channelId}`, { isOpen: false }),
        }
      },
    },
  ]

  it.each(rights)('ends soon: $title', async ({ type, gain }) => {
    const { url, token, end } = await gain()
    const streams = await Promise.all(
      [1, 2].map(() => ChangeStream.open(server.url() + url, { token })),
    )
    for (const stream of streams) expect((await stream.next())?.event).toBe('ready')
    await end()
    for (const stream of streams) {
      expect(await stream.next()).toMatchObject({ event: 'end', data: { type } })
      expect(await stream.next()).toBeUndefined()
    }
  })

  it('ends for one and stays for another with the same store', async () => {
    const { path, id } = await openStore()
    const [joe, joan] = [await createPerson(), await createPerson()]
    await people.share(jane, id, { [joe.username]: 'read', [joan.username]: 'read' })
    const url = `${server.url()}${path}/changes`
    const ended = await ChangeStream.open(url, { token: joe.token })
    const stays = await ChangeStream.open(url, { token: joan.token })
    onTestFinished(() => stays.close())
    await people.share(jane, id, { [joe.username]: null })
    const events = await ended.until(({ event }) => event === 'end')
    expect(events.length).toBe(2)
    await call('PUT', `${path}/records/K`, { text: 'text' })
    const seen = await stays.until(({ event }) => event === 'change')
    expect(seen.at(-1)?.data.key).toBe('K')
  })

  it('ends on a WebSocket with a message, and the connection stays', async () => {
    const { path } = await openStore()
    const { sessionToken } = (await call('PATCH', path, { session: true })).data
    const socket = await openSocket(`${server.nemesisUrl()}?token=${jane.token}`)
    await socket.ask(`{"KV_WATCH":{"tkn":${sessionToken}}}`)
    await call('PATCH', path, { session: false })
    const { kind, m } = JSON.parse(await socket.receive()).KV_CHANGE
    expect([kind, typeof m]).toEqual(['end', 'string'])
    expect(await socket.command('SH_INFO_ALL', {})).toHaveProperty('totalKeys')
  })
})
