import { createHash } from 'node:crypto'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApifyClient } from 'apify-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { copyData } from '../src/installation/copy-data.ts'
import { DataCommands } from './support/data/data-commands.ts'
import { Installation } from './support/data/installation.ts'
import { mountSmallDisk } from './support/data/small-disk.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { PostgresServer, quickSettings } from './support/postgres/postgres.ts'
import { runCoatcheck, runInProcess } from './support/processes/command.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

// Some servers and commands are processes of their own.
vi.setConfig({ testTimeout: 120_000 })

/** Every command that only reads, on an installation that `Installation.fill` has made. */
const readingCommands: readonly (readonly string[])[] = [
  ['status'],
  ['user', 'list'],
  ['token', 'list'],
  ['store', 'list'],
  ['store', 'show', 'photos'],
  ['store', 'history', 'photos'],
  ['project', 'list'],
  ['project', 'show', 'my-game'],
  ['project', 'export', 'my-game'],
  ['project', 'seed', 'my-game'],
  ['audit'],
  ['clock', 'show'],
]

/** How the server of a folder ended: in order, or so that the newest commits are in the journal. */
type Ending = 'in order' | 'killed'

const filled = new Map<Ending, Promise<string>>()
const filledFolder = mkdtempSync(join(tmpdir(), 'coatcheck-filled-'))
afterAll(() => rmSync(filledFolder, { recursive: true }))

/** A folder with data that nobody serves: a copy of one that is filled once for all tests. */
async function stoppedFolder(how: Ending): Promise<string> {
  const source = filled.get(how) ?? fillFolder(how)
  filled.set(how, source)
  const data = createTestFolder()
  cpSync(await source, data, { recursive: true })
  return data
}

async function fillFolder(how: Ending): Promise<string> {
  const data = join(filledFolder, how)
  if (how === 'killed') {
    const server = await ServerProcess.start({ data })
    await fill(server)
    await server.kill()
  } else {
    const server = await startOwnServer({ data })
    await fill(server)
    await server.stop()
  }
  return data
}

async function fill(server: Pick<ServerProcess, 'url' | 'token' | 'data'>): Promise<void> {
  await Installation.fill(server)
  const commands = new DataCommands(server.data)
  await commands.out('project', 'create', 'My game')
  const seed = join(createTestFolder(), 'seed.json')
  writeFileSync(seed, '{"score":1}')
  await commands.out('project', 'seed', 'my-game', seed)
}

/** A hash of each file but those that only hold locks. */
function hashesOf(data: string): Record<string, string> {
  const names = readdirSync(data, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => statSync(join(data, name)).isFile())
  const kept = files.filter((name) => !name.endsWith('lock.mdb'))
  return Object.fromEntries(kept.map((name) => [name, sha256(readFileSync(join(data, name)))]))
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** `status` ends with 1 where nobody serves. */
function outcomeOf([noun]: readonly string[]): { code: number; stderr: string } {
  if (noun !== 'status') return { code: 0, stderr: '' }
  return { code: 1, stderr: 'coatcheck: No server has this data folder open.\n' }
}

describe.each(['in order', 'killed'] as const)('in a folder whose server ended %s', (how) => {
  it('commands that read write nothing', async () => {
    const data = await stoppedFolder(how)
    const before = hashesOf(data)
    for (const words of readingCommands) {
      const args = [...words, '--data', data]
      const { code, stderr } = await runInProcess({ args })
      expect({ words, code, stderr }).toEqual({ words, ...outcomeOf(words) })
    }
    expect((await runInProcess({ args: ['check', '--data', data] })).stdout).toMatch(/is sound/)
    expect(hashesOf(data)).toEqual(before)
  })

  it('check and the other commands work on a read-only disk', async () => {
    const data = await stoppedFolder(how)
    const disk = mountSmallDisk(64 * 1_048_576)
    cpSync(data, join(disk.path, 'data'), { recursive: true })
    disk.makeReadOnly()
    for (const words of [...readingCommands, ['check']]) {
      const args = [...words, '--data', join(disk.path, 'data')]
      const { code, stderr } = await runInProcess({ args })
      const said = { words, code, stderr: stderr.replace(/^.*\r/, '') }
      expect(said).toMatchObject({ words, code: outcomeOf(words).code })
    }
    const writing = await runInProcess({
      args: ['user', 'add', 'jo', '--data', join(disk.path, 'data')],
    })
    expect(writing.code).toBe(1)
  })

  it('the newest records are read, wherever they are', async () => {
    const data = await stoppedFolder(how)
    const { stdout } = await runInProcess({ args: ['check', '--data', data] })
    expect(stdout).toMatch(/^3 stores, 12 records, /)
  })
})

it('several commands read a folder at once, and a server waits until they have ended', async () => {
  const data = await stoppedFolder('in order')
  const args = ['check', '--data', data]
  const all = await Promise.all([runCoatcheck({ args }), runCoatcheck({ args })])
  expect(all.map(({ code }) => code)).toEqual([0, 0])
  const server = await startOwnServer({ data })
  const checked = await runInProcess({ args })
  expect(checked).toMatchObject({ code: 1 })
  expect(checked.stderr).toMatch(/is in use by another Coatcheck/)
  await server.stop()
})

it('an interrupted copy goes on after commands have read its source', async () => {
  const data = await stoppedFolder('in order')
  const to = createTestFolder()
  const before = hashesOf(data)
  await copyAPart(data, to)
  for (const words of [['user', 'list'], ['store', 'history', 'photos'], ['check']]) {
    const { code } = await runInProcess({ args: [...words, '--data', data] })
    expect({ words, code }).toEqual({ words, code: 0 })
  }
  const copying = ['copy', '--from', data, '--to', to]
  expect(await runInProcess({ args: copying })).toMatchObject({ code: 0, stderr: '' })
  expect(hashesOf(data)).toEqual(before)
  const [first, second] = await Promise.all(
    [data, to].map((place) => runInProcess({ args: ['check', '--data', place] })),
  )
  expect(first?.stdout).toBe(second?.stdout)
})

/** Begins to copy a folder, and is interrupted. */
async function copyAPart(from: string, to: string): Promise<void> {
  const interruption = new AbortController()
  const copying = copyData(
    { from: { kind: 'folder', path: from }, to: { kind: 'folder', path: to } },
    {
      isInsecureTaken: false,
      signal: interruption.signal,
      onProgress: ({ phase }) => {
        if (phase === 'copying') interruption.abort(new Error('interrupted'))
      },
    },
  )
  await expect(copying).rejects.toThrow('interrupted')
}

describe('on PostgreSQL', () => {
  let postgres: PostgresServer
  beforeAll(async () => {
    postgres = await PostgresServer.start({ settings: quickSettings })
  }, 60_000)
  afterAll(() => postgres.cleanUp())

  let template: Promise<string> | undefined

  /** A database that nobody serves: a copy of one that is filled once for all tests. */
  async function filled(): Promise<string> {
    template ??= fillDatabase()
    return postgres.createDatabase({ template: await template })
  }

  async function fillDatabase(): Promise<string> {
    const url = await postgres.createDatabase()
    const data = createTestFolder()
    const server = await startOwnServer({ data, env: { COATCHECK_ENGINE: url } })
    await fill(server)
    await server.stop()
    return url
  }

  const revisionOf = async (url: string): Promise<unknown> =>
    (await postgres.query('select revision::text from coatcheck_clock', url))[0]?.revision

  it('commands that read write nothing, and do not wait for a standby', async () => {
    const url = await filled()
    const before = await revisionOf(url)
    await postgres.query("alter system set synchronous_standby_names = 'none'")
    await postgres.reload()
    onTestFinished(async () => {
      await postgres.query('alter system reset synchronous_standby_names')
      await postgres.reload()
    })
    for (const words of [...readingCommands, ['check']]) {
      const args = [...words, '--engine', url, '--data', join(createTestFolder(), 'none')]
      const { code } = await runInProcess({ args })
      expect({ words, code }).toEqual({ words, code: outcomeOf(words).code })
    }
    expect(await revisionOf(url)).toBe(before)
  })

  it('check sees one moment of a database that servers write to', async () => {
    const url = await postgres.createDatabase()
    const env = { COATCHECK_ENGINE: url }
    const server = await startOwnServer({ data: createTestFolder(), env })
    const client = new ApifyClient({ baseUrl: server.url, token: server.token })
    const { id } = await client.keyValueStores().getOrCreate('busy')
    let isOver = false
    const writing = (async () => {
      for (let count = 0; !isOver; count += 1) {
        const store = client.keyValueStore(id)
        await store.setRecord({ key: `K${count % 50}`, value: 'x'.repeat(count % 5_000) })
        if (count % 3 === 0) await store.deleteRecord(`K${(count * 7) % 50}`)
      }
    })()
    for (let times = 0; times < 5; times += 1) {
      const { code, stdout } = await runInProcess({ args: ['check', '--engine', url] })
      expect({ code, stdout }).toMatchObject({ code: 0 })
    }
    isOver = true
    await writing
  })

  it('a standby can be checked', async () => {
    const url = await filled()
    const standby = await PostgresServer.startStandbyOf(postgres)
    onTestFinished(() => standby.cleanUp())
    const there = url.replace(`:${postgres.port}/`, `:${standby.port}/`)
    const { code, stdout } = await runInProcess({ args: ['check', '--engine', there] })
    expect({ code, stdout }).toMatchObject({ code: 0 })
  })

  it.each([['check'], ['status'], ['user', 'add', 'jo']])(
    'a command on an empty database makes no tables: %s %s %s',
    async (...words) => {
      const url = await postgres.createDatabase()
      const args = [...words, '--engine', url, '--data', join(createTestFolder(), 'none')]
      expect((await runInProcess({ args })).code).toBe(1)
      const tables = "select count(*)::int as count from pg_tables where schemaname = 'public'"
      expect(await postgres.query(tables, url)).toEqual([{ count: 0 }])
    },
  )
})
