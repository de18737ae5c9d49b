import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { GatedEngine } from '../../support/data/gated-engine.ts'
import { createTestFolder } from '../../support/data/test-folder.ts'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { Remote } from '../../support/network/remote.ts'
import { startTestServer, type TestServer, wireEngines } from '../../support/network/test-server.ts'

const pageToken = '3442644399356403325'
const pageRequest =
  `{"KV_SET":{"tkn":${pageToken},"keys":{"user":{"username":"Potato",` +
  '"email":"spud@email.com","avatar":"path/to/img.png"}}}}'
const complete = { name: 'page', status: 1, start: 1, saveType: 0, complete: 2 }
const pageSession = (keys = '{"a":1}'): string =>
  `{"sh":{"tkn":${pageToken},"shared":false,"expiry":{"duration":0,"deleteSession":false}},"keys":${keys}}`

async function start(settings: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const server = await startTestServer({ nemesisPort: 0, ...settings })
  onTestFinished(() => server.close())
  return server
}

/** Writes files of a dump; `files` has their paths below `<folder>/<name>`. */
async function writeDump(place: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(place, path, '..'), { recursive: true })
    await writeFile(join(place, path), text)
  }
}

describe('dumps of real servers', () => {
  it.each([
    ['0.4', { '100/md/md.json': JSON.stringify({ ...complete, pools: 2 }) }, '100/data/1/0'],
    ['0.5', { '100/md/md.json': JSON.stringify({ version: 1, ...complete }) }, '100/data/0'],
  ])('are loaded with their tokens, as %s writes them', async (_, metadata, path) => {
    const folder = createTestFolder()
    const files = { ...metadata, [path]: `[${pageSession()}]` }
    await writeDump(join(folder, 'page'), files)
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    expect(await client.ask(pageRequest)).toBe(
      `{"KV_SET_RSP":{"st":100,"tkn":${pageToken},"m":""}}`,
    )
    expect(await client.ask({ SH_LOAD: { names: ['page'] } })).toBe(
      '{"SH_LOAD_RSP":{"page":{"m":"","sessions":1,"keys":1,"st":141}}}',
    )
    expect(await client.ask(pageRequest)).toBe(
      `{"KV_SET_RSP":{"tkn":${pageToken},"keys":{"user":20}}}`,
    )
    expect(await client.ask(`{"KV_GET":{"tkn":${pageToken},"keys":["user","a"]}}`)).toBe(
      `{"KV_GET_RSP":{"tkn":${pageToken},"keys":{"user":{"username":"Potato",` +
        '"email":"spud@email.com","avatar":"path/to/img.png"},"a":1}}}',
    )
  })

  it('may have several files, pools and kinds of sessions', async () => {
    const folder = createTestFolder()
    const shared =
      '{"tkn":15992824868599950585,"shared":true,"expiry":{"duration":0,"deleteSession":false}}'
    const expiring = '{"tkn":77,"shared":false,"expiry":{"duration":60,"deleteSession":true}}'
    await writeDump(join(folder, 'many'), {
      '100/md/md.json': JSON.stringify(complete),
      '100/data/0/0': `[{"sh":${shared},"keys":{"big":123456789012345678901234567890}}]`,
      '100/data/0/1': `[{"sh":${expiring},"keys":{}},${pageSession()}]`,
      '100/data/1/0': '[]',
    })
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('SH_LOAD', { names: ['many'] })).toEqual({
      many: { m: '', sessions: 3, keys: 2, st: 141 },
    })
    expect(await client.ask({ SH_OPEN: { name: 'shared1' } })).toBe(
      '{"SH_OPEN_RSP":{"tkn":15992824868599950585,"st":1}}',
    )
    expect(await client.ask('{"KV_GET":{"tkn":15992824868599950585,"keys":["big"]}}')).toContain(
      '{"big":123456789012345678901234567890}',
    )
    const info = await client.command('SH_INFO', { tkn: 77 })
    expect(info).toMatchObject({ keyCnt: 0, expiry: { duration: 60, deleteSession: true } })
    expect(Object(info.expiry).remaining).toBeGreaterThan(50)
  })

  it('are loaded from the newest complete version', async () => {
    const folder = createTestFolder()
    await writeDump(join(folder, 'page'), {
      '99/md/md.json': JSON.stringify(complete),
      '99/data/0': `[${pageSession('{"from":99}')}]`,
      '1000/md/md.json': JSON.stringify(complete),
      '1000/data/0': `[${pageSession('{"from":1000}')}]`,
      '2000/md/md.json': JSON.stringify({ ...complete, status: 0 }),
      '2000/data/0': `[${pageSession('{"from":2000}')}]`,
      '3000/md/md.json': JSON.stringify({ ...complete, status: 2 }),
      '4000/md/md.json': '{"status":',
      '5000/data/0': '[]',
      '6000': 'no folder',
      'not-a-time/md/md.json': JSON.stringify(complete),
      '1000/data/.DS_Store': 'left by others',
    })
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('SH_LOAD', { names: ['page'] })).toMatchObject({
      page: { st: 141, sessions: 1 },
    })
    expect(await client.ask(`{"KV_GET":{"tkn":${pageToken},"keys":["from"]}}`)).toContain(
      '{"from":1000}',
    )
  })

  it.each([
    ['invalid JSON', `[${pageSession()},`],
    ['no session', '[5]'],
    ['keys that are not an object', `[{"sh":{"tkn":5,"shared":false},"keys":[]}]`],
    ['values without sessions', '{"keys":{"a":1}}'],
    ['no token', '[{"sh":{"shared":false},"keys":{}}]'],
    ['a key that is too long', `[${pageSession(`{"${'k'.repeat(2_401)}":1}`)}]`],
  ])('are reported as broken, and load no half session: %s', async (_, text) => {
    const folder = createTestFolder()
    const metadata = { '1/md/md.json': JSON.stringify(complete) }
    await writeDump(join(folder, 'broken'), { ...metadata, '1/data/0': text })
    await writeDump(join(folder, 'whole'), { ...metadata, '1/data/0': '[]' })
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('SH_LOAD', { names: ['broken', 'whole'] })).toEqual({
      broken: { m: expect.stringMatching(/\.$/), sessions: 0, keys: 0, st: 142 },
      whole: { m: '', sessions: 0, keys: 0, st: 141 },
    })
    expect(await client.command('SH_INFO_ALL', {})).toEqual({ totalSessions: 0, totalKeys: 0 })
    const remote = new Remote(server.url)
    const { data } = await remote.do('/v2/key-value-stores?unnamed=1', { token: server.token })
    expect(data.items).toEqual([])
  })

  // As the real 0.4, which writes empty objects itself.
  it('may have empty objects, sessions without keys, and byte order marks', async () => {
    const folder = createTestFolder()
    const head = '{"tkn":7,"shared":false,"expiry":{"duration":0,"deleteSession":false}}'
    await writeDump(join(folder, 'page'), {
      '1/md/md.json': `\ufeff${JSON.stringify(complete)}`,
      '1/data/0': `\ufeff[{},{"sh":${head}},${pageSession()},{}]`,
      '1/data/1': '[{}]',
    })
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    expect(await client.ask({ SH_LOAD: { names: ['page'] } })).toBe(
      '{"SH_LOAD_RSP":{"page":{"m":"","sessions":2,"keys":1,"st":141}}}',
    )
    expect(await client.command('KV_COUNT', { tkn: 7 })).toMatchObject({ cnt: 0 })
  })

  it('have status 143 if one of their sessions exists; the others are loaded', async () => {
    const folder = createTestFolder()
    const head = '{"tkn":7,"shared":false,"expiry":{"duration":0,"deleteSession":false}}'
    const session = `{"sh":${head},"keys":{"b":1}}`
    const metadata = { '1/md/md.json': JSON.stringify(complete) }
    await writeDump(join(folder, 'one'), { ...metadata, '1/data/0': `[${session}]` })
    await writeDump(join(folder, 'first'), {
      ...metadata,
      '1/data/0': `[${session},${pageSession()}]`,
    })
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    await client.ask({ SH_LOAD: { names: ['one'] } })
    expect(await client.ask({ SH_LOAD: { names: ['first'] } })).toBe(
      '{"SH_LOAD_RSP":{"first":{"m":"","sessions":1,"keys":1,"st":143}}}',
    )
  })

  it('restore sessions at the same time, so that they can share syncs, and each once', async () => {
    const engine = new GatedEngine()
    const folder = createTestFolder()
    const heads = Array.from({ length: 150 }, (_, index) => `{"tkn":${index},"shared":false}`)
    const sessions = heads.map((head, index) => `{"sh":${head},"keys":{"a":${index}}}`)
    await writeDump(join(folder, 'many'), {
      '1/md/md.json': JSON.stringify(complete),
      '1/data/0': `[${sessions},{"sh":${heads[149]},"keys":{"a":"second"}}]`,
    })
    const server = await startTestServer(
      { nemesisPort: 0, nemesisSaveDir: folder },
      { open: async () => engine },
    )
    onTestFinished(() => server.close())
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('SH_LOAD', { names: ['many'] })).toEqual({
      many: { m: '', sessions: 150, keys: 150, st: 143 },
    })
    expect(engine.commitsMost).toBeGreaterThanOrEqual(8)
    for (const tkn of [0, 77, 149]) {
      expect(await client.command('KV_GET', { tkn, keys: ['a'] })).toMatchObject({
        keys: { a: tkn },
      })
    }
  })

  it('restore the sessions before the place where they are broken', async () => {
    const folder = createTestFolder()
    await writeDump(join(folder, 'half'), {
      '1/md/md.json': JSON.stringify(complete),
      '1/data/0': `[${pageSession()}]`,
      '1/data/1': '[5]',
    })
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('SH_LOAD', { names: ['half'] })).toEqual({
      half: { m: expect.stringMatching(/\.$/), sessions: 1, keys: 1, st: 142 },
    })
  })

  it('do not change existing sessions, with status 143', async () => {
    const folder = createTestFolder()
    await writeDump(join(folder, 'page'), {
      '1/md/md.json': JSON.stringify(complete),
      '1/data/0': `[${pageSession('{"a":"dumped"}')}]`,
    })
    const server = await start({ nemesisSaveDir: folder })
    const client = await openSocket(server.nemesisUrl)
    const load = { names: ['page', 'page'] }
    expect(await client.ask({ SH_LOAD: load })).toBe(
      '{"SH_LOAD_RSP":{"page":{"m":"","sessions":1,"keys":1,"st":141}}}',
    )
    await client.ask(`{"KV_SET":{"tkn":${pageToken},"keys":{"a":"newer"}}}`)
    expect(await client.command('SH_LOAD', load)).toEqual({
      page: { m: '', sessions: 0, keys: 0, st: 143 },
    })
    expect(await client.ask(`{"KV_GET":{"tkn":${pageToken},"keys":["a"]}}`)).toContain('"newer"')
  })

  it('are loaded once, however many clients ask at the same time', async () => {
    const folder = createTestFolder()
    await writeDump(join(folder, 'page'), {
      '1/md/md.json': JSON.stringify(complete),
      '1/data/0': `[${pageSession()}]`,
    })
    const server = await start({ nemesisSaveDir: folder, engine: 'lmdb' })
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => openSocket(server.nemesisUrl)),
    )
    const answers = await Promise.all(
      clients.map((client) => client.command('SH_LOAD', { names: ['page'] })),
    )
    const statuses = answers.map(({ page }) => Object(page).st)
    expect(statuses.sort()).toEqual([141, 143, 143, 143, 143, 143, 143, 143])
    const remote = new Remote(server.url)
    const { data } = await remote.do('/v2/key-value-stores?unnamed=1', { token: server.token })
    expect(data.items).toHaveLength(1)
    expect(server.logged).toEqual([])
  })
})

describe.each(wireEngines)('SH_SAVE and SH_LOAD, on %s', (engine) => {
  it('move sessions to another server, with all JSON values', async () => {
    const folder = createTestFolder()
    const one = await start({ engine, nemesisSaveDir: folder })
    const plain = await NemesisSession.open(one.nemesisUrl)
    const { client } = plain
    await plain.askRaw('KV_SET', '"keys":{"n":1.0,"a\\"\\n":[null],"":18446744073709551615}')
    await plain.command('KV_SET', { keys: { long: 'ž'.repeat(300_000), __proto__x: 1 } })
    await client.ask({ SH_NEW: { name: 'shared1', shared: true } })
    const expiry = { duration: 60, deleteSession: false }
    const { tkn: expiring } = await client.command('SH_NEW', { name: 'e', expiry })
    const started = await client.ask({ SH_SAVE: { name: 'd1' } })
    expect(started).toBe('{"SH_SAVE_RSP":{"name":"d1","st":120}}')
    expect(JSON.parse(await client.receive())).toEqual({
      SH_SAVE_RSP: { name: 'd1', st: 121, duration: expect.any(Number) },
    })
    const other = await start({ engine, nemesisSaveDir: folder })
    const session = new NemesisSession(await openSocket(other.nemesisUrl), plain.token)
    expect(await session.client.command('SH_LOAD', { names: ['d1'] })).toEqual({
      d1: { m: '', sessions: 3, keys: 5, st: 141 },
    })
    expect(await session.askRaw('KV_GET', '"keys":["n","a\\"\\n",""]')).toContain(
      '"keys":{"n":1.0,"a\\"\\n":[null],"":18446744073709551615}',
    )
    expect(await session.command('KV_GET', { keys: ['long'] })).toMatchObject({
      keys: { long: 'ž'.repeat(300_000) },
    })
    expect(await session.client.ask({ SH_OPEN: { name: 'shared1' } })).toContain('"st":1')
    expect(await session.client.command('SH_INFO', { tkn: expiring })).toMatchObject({
      expires: true,
      expiry,
    })
  })

  it('handle 25,000 keys in one session while others are served', async () => {
    const folder = createTestFolder()
    const server = await start({ engine, nemesisSaveDir: folder })
    const session = await NemesisSession.open(server.nemesisUrl)
    const other = await NemesisSession.open(server.nemesisUrl)
    for (let from = 0; from < 25_000; from += 5_000) {
      const names = Array.from({ length: 5_000 }, (_, index) => `key ${from + index}`)
      await session.command('KV_SET', { keys: Object.fromEntries(names.map((name) => [name, 1])) })
    }
    expect(await session.client.ask({ SH_SAVE: { name: 'large' } })).toContain('"st":120')
    const saving = session.client.receive()
    expect(await servedWhile(other, saving)).toBe(true)
    expect(await saving).toContain('"st":121')
    await session.command('SH_END')
    const loading = session.client.command('SH_LOAD', { names: ['large'] })
    expect(await servedWhile(other, loading)).toBe(true)
    expect(await loading).toEqual({ large: { m: '', sessions: 1, keys: 25_000, st: 143 } })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 25_000 })
    expect(await session.command('KV_GET', { keys: ['key 24999'] })).toMatchObject({
      keys: { 'key 24999': 1 },
    })
  })
})

/** Whether commands of another session are answered before `work` is done. */
async function servedWhile(other: NemesisSession, work: Promise<unknown>): Promise<boolean> {
  let isDone = false
  const done = work.then(() => {
    isDone = true
  })
  let served = 0
  while (!isDone) {
    await other.command('KV_SET', { keys: { a: served } })
    if (!isDone) served += 1
  }
  await done
  return served > 2
}
