import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { GatedEngine } from '../../support/data/gated-engine.ts'
import { createTestFolder } from '../../support/data/test-folder.ts'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { Remote } from '../../support/network/remote.ts'
import { startTestServer, type TestServer } from '../../support/network/test-server.ts'
import { People } from '../../support/people/people.ts'

async function start(settings: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const server = await startTestServer({ nemesisPort: 0, ...settings })
  onTestFinished(() => server.close())
  return server
}

describe('SH_SAVE', () => {
  it('saves only the requested sessions, and skips unknown tokens', async () => {
    const folder = createTestFolder()
    const server = await start({ nemesisSaveDir: folder })
    const session = await NemesisSession.open(server.nemesisUrl)
    await NemesisSession.open(server.nemesisUrl)
    await session.command('KV_SET', { keys: { a: 1 } })
    session.client.send(JSON.stringify({ SH_SAVE: { name: 'some', tkns: [session.token, 5] } }))
    await session.client.receive()
    await session.client.receive()
    const [time = ''] = await readdir(join(folder, 'some'))
    const place = join(folder, 'some', time)
    expect(JSON.parse(await readFile(join(place, 'md', 'md.json'), 'utf8'))).toMatchObject({
      name: 'some',
      status: 1,
      pools: 1,
      saveType: 1,
    })
    expect(JSON.parse(await readFile(join(place, 'data', '0', '0'), 'utf8'))).toEqual([
      {
        sh: { tkn: session.token, shared: false, expiry: { duration: 0, deleteSession: false } },
        keys: { a: 1 },
      },
    ])
  })

  it('saves dumps for its own user, which another server can load too', async () => {
    const folder = createTestFolder()
    const server = await start({ nemesisSaveDir: folder })
    const people = new People({ url: server.url, token: server.token })
    const { token } = await people.create('eve')
    const client = await openSocket(server.nemesisUrl)
    const eve = await openSocket(`${server.nemesisUrl}?token=${token}`)
    for (const one of [client, eve]) await one.command('SH_NEW', { name: 'own' })
    await client.ask({ SH_SAVE: { name: 'mine', tkns: [1] } })
    await client.receive()
    expect(await eve.command('SH_LOAD', { names: ['mine'] })).toEqual({
      st: 142,
      tkn: null,
      m: 'Load path does not exist',
    })
    await eve.ask({ SH_SAVE: { name: 'mine' } })
    await eve.receive()
    // The dump of eve is the newest of that name, but only the own dump is loaded.
    expect(await client.command('SH_LOAD', { names: ['mine'] })).toMatchObject({
      mine: { sessions: 0, st: 141 },
    })
    const other = await openSocket((await start({ nemesisSaveDir: folder })).nemesisUrl)
    expect(await other.command('SH_LOAD', { names: ['mine'] })).toMatchObject({
      mine: { sessions: 1, st: 141 },
    })
  })

  it('saves only JSON values, and only of its own user', async () => {
    const folder = createTestFolder()
    const server = await start({ nemesisSaveDir: folder })
    const session = await NemesisSession.open(server.nemesisUrl)
    await session.command('KV_SET', { keys: { a: 1 } })
    const remote = new Remote(server.url)
    const { token } = server
    const { data } = await remote.do('/coatcheck/v1/sessions', { token })
    const body = new Uint8Array([0x89, 0x50])
    await remote.do(`/v2/key-value-stores/${data.items[0].storeId}/records/png`, {
      method: 'PUT',
      token,
      body,
      headers: { 'Content-Type': 'image/png' },
    })
    const user = await remote.do('/coatcheck/v1/users', {
      method: 'POST',
      token,
      json: { username: 'eve' },
    })
    const eve = await openSocket(`${server.nemesisUrl}?token=${user.data.token.token}`)
    const theirs = await eve.command('SH_NEW', { name: 'theirs' })
    await session.client.ask({ SH_SAVE: { name: 'mine' } })
    await session.client.receive()
    await session.command('SH_END')
    expect(await session.client.command('SH_LOAD', { names: ['mine'] })).toMatchObject({
      mine: { sessions: 1, keys: 1, st: 141 },
    })
    expect(await session.command('KV_KEYS')).toMatchObject({ keys: ['a'] })
    const asked = { tkn: theirs.tkn }
    expect(await session.client.command('KV_COUNT', asked)).toMatchObject({ st: 100 })
    expect(await eve.command('KV_COUNT', asked)).toMatchObject({ cnt: 0 })
  })

  it.each(['../x', 'a/b', 'a\\b', '..', '.', '...', 'nul\u0000', 'c:d', 'ž'.repeat(101)])(
    'and SH_LOAD refuse names that are paths: %j',
    async (name) => {
      const folder = join(createTestFolder(), 'inner')
      await mkdir(join(folder, '..', 'x', '1', 'md'), { recursive: true })
      await writeFile(join(folder, '..', 'x', '1', 'md', 'md.json'), '{"status":1}')
      await mkdir(folder, { recursive: true })
      const server = await start({ nemesisSaveDir: folder })
      const client = await openSocket(server.nemesisUrl)
      expect(await client.command('SH_SAVE', { name })).toEqual({
        st: 122,
        tkn: null,
        m: expect.stringMatching(/\.$/),
      })
      expect(await client.command('SH_LOAD', { names: [name] })).toEqual({
        st: 142,
        tkn: null,
        m: 'Load path does not exist',
      })
      expect(await readdir(folder)).toEqual([])
      expect(await readdir(join(folder, '..'))).toEqual(['inner', 'x'])
    },
  )

  it('treats an empty name like a missing one', async () => {
    const client = await openSocket((await start()).nemesisUrl)
    expect(await client.command('SH_SAVE', { name: '' })).toMatchObject({ st: 42, m: 'name' })
    expect(await client.command('SH_LOAD', { names: [''] })).toMatchObject({ st: 142 })
  })

  it('tells at once that it begins, and that it failed after that', async () => {
    const engine = new GatedEngine()
    const folder = createTestFolder()
    const server = await startTestServer(
      { nemesisPort: 0, nemesisSaveDir: folder },
      { open: async () => engine },
    )
    onTestFinished(() => server.close())
    const session = await NemesisSession.open(server.nemesisUrl)
    await session.command('KV_SET', { keys: { a: 1 } })
    engine.closeGate()
    session.client.send('{"SH_SAVE":{"name":"d1"}}')
    session.client.send('{"SH_EXISTS":{"tkns":[]}}')
    expect(await session.client.receive()).toBe('{"SH_SAVE_RSP":{"name":"d1","st":120}}')
    const [time = ''] = await readdir(join(folder, 'd1'))
    const metadata = await readFile(join(folder, 'd1', time, 'md', 'md.json'), 'utf8')
    expect(JSON.parse(metadata)).toMatchObject({ status: 0 })
    engine.openGate()
    expect(await session.client.receive()).toContain('{"name":"d1","st":121,"duration":')
    expect(await session.client.receive()).toBe('{"SH_EXISTS_RSP":{"st":1}}')
    engine.closeGate()
    session.client.send('{"SH_SAVE":{"name":"d2"}}')
    expect(await session.client.receive()).toBe('{"SH_SAVE_RSP":{"name":"d2","st":120}}')
    await rm(join(folder, 'd2'), { recursive: true })
    engine.openGate()
    expect(JSON.parse(await session.client.receive())).toEqual({
      SH_SAVE_RSP: { name: 'd2', st: 123, m: expect.stringMatching(/\.$/) },
    })
  })

  it('is refused if saving is off, before any other check', async () => {
    const client = await openSocket((await start({ nemesisSaveDir: 'off' })).nemesisUrl)
    for (const parameters of [{ name: 'd1' }, {}]) {
      expect(await client.ask({ SH_SAVE: parameters })).toBe('{"SH_SAVE_RSP":{"st":14,"m":""}}')
    }
    expect(await client.command('SH_LOAD', { names: ['d1'] })).toMatchObject({ st: 142 })
  })

  it('reports a folder that cannot be written to', async () => {
    const file = join(createTestFolder(), 'file')
    await writeFile(file, '')
    const server = await start({ nemesisSaveDir: file })
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('SH_SAVE', { name: 'd1' })).toEqual({
      st: 122,
      tkn: null,
      m: expect.stringMatching(/\.$/),
    })
    expect(await client.ask('{}')).toContain('"st":13')
  })

  it('can save two dumps with one name; the newer one is loaded', async () => {
    const server = await start()
    const session = await NemesisSession.open(server.nemesisUrl)
    for (const value of [1, 2]) {
      await session.command('KV_SET', { keys: { a: value } })
      await session.client.ask({ SH_SAVE: { name: 'twice' } })
      await session.client.receive()
    }
    await session.command('SH_END')
    // As the real 0.4: without the command's name.
    expect(await session.client.ask({ SH_LOAD: { names: [] } })).toBe('{}')
    expect(await session.client.command('SH_LOAD', { names: ['twice', 'nope'] })).toMatchObject({
      st: 142,
    })
    expect(await session.command('KV_COUNT')).toMatchObject({ st: 100 })
    await session.client.command('SH_LOAD', { names: ['twice'] })
    expect(await session.command('KV_GET', { keys: ['a'] })).toMatchObject({ keys: { a: 2 } })
  })
})
