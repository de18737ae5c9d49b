import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { dataFileOf, flipByteIn } from './support/data/data-file.ts'
import { Installation } from './support/data/installation.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { stampValue } from './support/load/stamped-value.ts'
import { Client } from './support/network/client.ts'
import { PostgresServer, quickSettings } from './support/postgres/postgres.ts'
import {
  checkFolder,
  type Finished,
  runInProcess,
  spawnCoatcheck,
} from './support/processes/command.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'
import { TerminalCommand } from './support/processes/terminal.ts'

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000 })

const halfCopy =
  'This copy is incomplete: run the same coatcheck copy command again until it has finished.'
const largeBytes = 3_000_000
const largeCount = 6
/** What is copied when a copy is interrupted: much less than there is. */
const interruptedAtBytes = 5_000_000

/** A place that can hold an installation. */
interface Place {
  /** The value for the `--from` and `--to` of `copy`. */
  readonly word: string
  /** The arguments for `serve` and `check`. */
  readonly words: readonly string[]
  readonly data: string
}

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await PostgresServer.start({ settings: quickSettings })
}, 60_000)
afterAll(() => postgres.cleanUp())

const places = { folder: folderPlace, database: databasePlace } as const
type Kind = keyof typeof places

/** Filled once, and copied for each test: filling takes longer than what is tested. */
const filled = new Map<Kind, Promise<Place>>()
const installed = new Map<Kind, Promise<Installed>>()
const filledFolder = mkdtempSync(join(tmpdir(), 'coatcheck-filled-'))
afterAll(() => rmSync(filledFolder, { recursive: true }))

/** All ways are tested by `npm run test:long`; else each kind is source and target once. */
const ways = [
  ['folder', 'database'],
  ['database', 'folder'],
  ...(process.env.COATCHECK_COPIES === 'all'
    ? ([
        ['folder', 'folder'],
        ['database', 'database'],
      ] as const)
    : []),
] as const

describe.each(ways)('coatcheck copy, from a %s to a %s', (fromKind, toKind) => {
  it('makes a copy that serves the same data to the same callers', async () => {
    const { from, installation, seen } = await installedPlace(fromKind)
    const to = await places[toKind]()
    const { code, stdout, stderr } = await copy(from, to)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^\d+ entries, 5\.\d MB, up to revision \d+: the copy is the same/)
    const checked = await runInProcess({ args: ['check', '--data', to.data, ...to.words] })
    expect(checked).toMatchObject({ code: 0, stderr: '' })
    const second = await serve(to)
    expect(await installation.seenAt(second.url)).toEqual(seen)
    await expectHigherRevisions(second, installation)
  })

  it('resumes after a kill, and half a copy is not served', async () => {
    const [from, to] = [await largePlace(fromKind), await places[toKind]()]
    await killInTheMiddle(from, to)
    await expect(serve(to)).rejects.toThrow(halfCopy)
    const checked = await runInProcess({ args: ['check', '--data', to.data, ...to.words] })
    expect(checked).toMatchObject({ code: 1, stdout: '', stderr: `coatcheck: ${halfCopy}\n` })
    const copied = await copy(from, to, '--json')
    expect(copied).toMatchObject({ code: 0, stderr: '' })
    const { bytes, skipped } = JSON.parse(copied.stdout)
    expect(bytes).toBeGreaterThan(largeCount * largeBytes)
    expect(skipped).toBe(0)
    const again = await runInProcess({ args: ['check', '--data', to.data, ...to.words] })
    expect(again).toMatchObject({ code: 0 })
  })
})

describe('coatcheck copy', () => {
  it('is refused if a server uses either folder, or if the target has data', async () => {
    const [from, to] = [folderPlace(), folderPlace()]
    const first = await serve(from)
    const inUse = (data: string): Partial<Finished> => ({
      code: 1,
      stdout: '',
      stderr: `coatcheck: The data folder ${data} is in use by another Coatcheck; stop that one first.\n`,
    })
    expect(await copy(from, to)).toEqual(inUse(from.data))
    await first.stop()
    const second = await serve(to)
    expect(await copy(from, to)).toEqual(inUse(to.data))
    await second.stop()
    for (const flags of [[], ['--restart']]) {
      expect(await copy(from, to, ...flags)).toEqual({
        code: 1,
        stdout: '',
        stderr: 'coatcheck: The target already holds data, which a copy never overwrites.\n',
      })
    }
  })

  it('is refused without source data, and if source and target are the same', async () => {
    const from = folderPlace()
    const absent = join(from.data, 'absent')
    const nothing = await runInProcess({ args: ['copy', '--from', absent, '--to', from.data] })
    expect(nothing).toMatchObject({
      code: 1,
      stderr: `coatcheck: There is no data in ${absent}.\n`,
    })
    await (await serve(from)).stop()
    for (const to of [from.data, `${from.data}/.`]) {
      const circle = await runInProcess({ args: ['copy', '--from', from.data, '--to', to] })
      expect(circle).toMatchObject({
        code: 1,
        stderr: 'coatcheck: The source and the target are the same place.\n',
      })
    }
    const empty = await databasePlace()
    expect(await copy(empty, folderPlace())).toMatchObject({
      code: 1,
      stderr: 'coatcheck: There is no data to copy.\n',
    })
  })

  it.each([
    ['', /Missing option --from/],
    ['--from a', /Missing option --to/],
    ['--from a --to', /--to/],
    ['--from a --to b --frob', /--frob/],
    ['--from a --to b c', /"?c"?/],
    ['--from a --to mysql://u:secret@h/d', /"mysql:\/\/u:\*\*\*@h\/d" is neither/],
  ])('says what is wrong with the arguments %j', async (words, says) => {
    const args = ['copy', ...words.split(' ').filter(Boolean)]
    const { code, stdout, stderr } = await runInProcess({ args })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const [sentence = '', usage = ''] = stderr.split('\n')
    expect(sentence).toMatch(says)
    expect(usage).toMatch(/^Usage: coatcheck copy --from PLACE --to PLACE /)
    expect(stderr).not.toContain('secret')
  })

  it('warns of a password that everybody on the machine can read, and never shows it', async () => {
    const [from, { word }] = [folderPlace(), await databasePlace()]
    await (await serve(from)).stop()
    const to = word.replace('coatcheck@', 'coatcheck:secret@')
    const { code, stdout, stderr } = await runInProcess({
      args: ['copy', '--from', from.data, '--to', to],
    })
    expect(code).toBe(0)
    expect(stderr).toMatch(/^All users of this machine can read the password in --to\.[^\n]+\n$/)
    expect(stdout + stderr).not.toContain('secret')
  })

  it('stops on Ctrl-C between two steps, and can resume', async () => {
    const [from, to] = [await largePlace('folder'), folderPlace()]
    const { child, exit, stderr } = begin(from, to)
    await untilHolds(to, interruptedAtBytes)
    child.kill('SIGINT')
    expect(await exit).toBe(1)
    expect(stderr.text).toBe(
      'coatcheck: The copy was interrupted. Run the same command again to continue it.\n',
    )
    expect(await copy(from, to)).toMatchObject({ code: 0, stderr: '' })
    expect(await checkFolder(to.data)).toMatchObject({ code: 0 })
  })

  it('notices a server that writes to the source database', async () => {
    const [from, to] = [await databasePlace(), folderPlace()]
    const server = await serve(from)
    const store = await new Client(server).openStore('busy')
    let isCopied = false
    const writing = async (): Promise<void> => {
      for (let number = 0; !isCopied; number += 1) await store.put('key', String(number))
    }
    const [refused] = await Promise.all([
      copy(from, to).finally(() => {
        isCopied = true
      }),
      writing(),
    ])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toBe(
      'coatcheck: The source changed during the copy. Stop all of its servers, then copy again.\n',
    )
  })

  it('stops with a sentence when the database dies, and resumes when it is back', async () => {
    const [from, to] = [await largePlace('folder'), await databasePlace()]
    const { exit, stderr } = begin(from, to)
    await untilHolds(to, interruptedAtBytes)
    await postgres.kill()
    expect(await exit).toBe(1)
    expect(stderr.text).toMatch(/^coatcheck: [^\n]+\.\n$/)
    await postgres.start()
    expect(await copy(from, to)).toMatchObject({ code: 0, stderr: '' })
    const checked = await runInProcess({ args: ['check', '--data', to.data, ...to.words] })
    expect(checked).toMatchObject({ code: 0, stderr: '' })
  })

  it('starts over after a change of the source only with --restart', async () => {
    const [from, to] = [await largePlace('folder'), folderPlace()]
    await killInTheMiddle(from, to)
    await (await serve(from)).stop()
    const refused = await copy(from, to)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/earlier state of this data\. Use --restart to start again\.\n$/)
    expect(await copy(from, to, '--restart')).toMatchObject({ code: 0, stderr: '' })
    expect(await checkFolder(to.data)).toMatchObject({ code: 0 })
  })

  it('names damaged records, and leaves them out on request', async () => {
    const [from, to] = [folderPlace(), folderPlace()]
    const server = await serve(from)
    const store = await new Client(server).openStore('damaged')
    const value = stampValue({ key: 'bad', number: 1 }, 1_000)
    await store.put('bad', value)
    await store.put('good', 'good')
    await server.stop()
    expect(flipByteIn(from.data, value.subarray(500, 600))).toBeGreaterThan(0)
    const refused = await copy(from, to)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      /^coatcheck: One entry is damaged in the source \(record "bad" of store \w{17}\): --skip-damaged /,
    )
    const copied = await copy(from, to, '--skip-damaged')
    expect(copied).toMatchObject({ code: 0, stderr: '' })
    expect(copied.stdout).toContain(', 1 damaged and left out: ')
    const again = await serve(to)
    const kept = await new Client({ url: again.url, token: server.token }).openStore('damaged')
    expect((await kept.get('good')).body.toString()).toBe('good')
    expect((await kept.get('bad')).status).toBe(404)
  })

  it('shows its progress on a terminal, and clears it at the end', async () => {
    const [from, to] = [await largePlace('folder'), folderPlace()]
    const terminal = new TerminalCommand(['copy', '--from', from.data, '--to', to.data])
    expect(await terminal.exit()).toBe(0)
    for (const title of ['Reading (', 'Copying ', 'Comparing ']) {
      expect(terminal.text).toContain(`\r${title}`)
    }
    const [result = ''] = terminal.text.split('\r\u001b[2K').slice(-1)
    expect(result).toMatch(/^\d+ entries[^\n]+\n$/)
  })
})

function folderPlace(): Place {
  const data = createTestFolder()
  return { word: data, words: [], data }
}

async function databasePlace(options?: { readonly template: string }): Promise<Place> {
  const url = await postgres.createDatabase(options)
  return { word: url, words: ['--engine', url], data: createTestFolder() }
}

function serve({ data, words }: Place): Promise<OwnServer> {
  return startOwnServer({ data, args: words })
}

function copy(from: Place, to: Place, ...flags: readonly string[]): Promise<Finished> {
  return runInProcess({ args: ['copy', '--from', from.word, '--to', to.word, ...flags] })
}

/** A place with data of all kinds, and what its server shows to each caller. */
interface Installed {
  readonly from: Place
  readonly installation: Installation
  readonly seen: Awaited<ReturnType<Installation['seenAt']>>
}

async function installedPlace(kind: Kind): Promise<Installed> {
  const source = installed.get(kind) ?? install(await emptyPlace(kind, 'installed'))
  installed.set(kind, source)
  const { from, ...rest } = await source
  return { ...rest, from: await copyOf(kind, from) }
}

async function install(place: Place): Promise<Installed> {
  const server = await serve(place)
  const installation = await Installation.fill(server)
  const seen = await installation.seenAt(server.url)
  await server.stop()
  return { from: place, installation, seen }
}

/** A place with so much data that a copy takes a while. */
async function largePlace(kind: Kind): Promise<Place> {
  const source = filled.get(kind) ?? fillLarge(await emptyPlace(kind, 'large'))
  filled.set(kind, source)
  return copyOf(kind, await source)
}

async function copyOf(kind: Kind, { word, data }: Place): Promise<Place> {
  if (kind === 'database') return databasePlace({ template: word })
  const place = folderPlace()
  cpSync(data, place.data, { recursive: true })
  return place
}

/** A place that outlives a test. */
async function emptyPlace(kind: Kind, name: string): Promise<Place> {
  const data = join(filledFolder, `${name}-${kind}`)
  const word = kind === 'folder' ? data : await postgres.createDatabase()
  return { word, words: kind === 'folder' ? [] : ['--engine', word], data }
}

async function fillLarge(place: Place): Promise<Place> {
  const server = await serve(place)
  const store = await new Client(server).openStore('large')
  for (let index = 0; index < largeCount; index += 1) {
    const key = `large-${index}`
    const { status } = await store.put(key, stampValue({ key, number: index }, largeBytes))
    expect(status).toBe(201)
  }
  await server.stop()
  return place
}

/** Starts a copy; it runs until the end of the test at the latest. */
function begin(from: Place, to: Place) {
  const args = ['copy', '--from', from.word, '--to', to.word]
  const { child, stderr } = spawnCoatcheck({ args })
  const exit = new Promise((resolve) => child.once('close', resolve))
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, exit, stderr }
}

async function killInTheMiddle(from: Place, to: Place): Promise<void> {
  const { child, exit } = begin(from, to)
  await untilHolds(to, interruptedAtBytes)
  child.kill('SIGKILL')
  expect(await exit).toBe(null)
}

/** Resolves when about `bytes` bytes are copied. */
async function untilHolds(place: Place, bytes: number): Promise<void> {
  while ((await bytesIn(place)) < bytes) await sleep(2)
}

async function bytesIn({ word, data }: Place): Promise<number> {
  if (word === data) return statSync(dataFileOf(data), { throwIfNoEntry: false })?.size ?? 0
  const [row] = await postgres.query('select pg_database_size(current_database()) as bytes', word)
  return Number(row?.bytes ?? 0) - 8_000_000
}

/** Checks that old ETags still match, and that a new write gets a higher revision. */
async function expectHigherRevisions(server: OwnServer, of: Installation): Promise<void> {
  const client = new Client({ url: server.url, token: of.token })
  const path = `/v2/key-value-stores/${of.storeId}/records`
  const etagOf = async (key: string): Promise<string> =>
    (await client.send({ method: 'GET', path: `${path}/${key}` })).headers.etag ?? ''
  const put = (key: string, etag: string) =>
    client.send({
      method: 'PUT',
      path: `${path}/${key}`,
      body: 'new',
      headers: { 'If-Match': etag },
    })
  const before = await Promise.all(['text', 'empty'].map(etagOf))
  const [text = '', empty = ''] = before
  expect((await put('text', empty)).status).toBe(412)
  expect((await put('text', text)).status).toBe(201)
  expect((await put('text', text)).status).toBe(412)
  const number = (etag: string): number => Number(/\d+/.exec(etag)?.[0])
  expect(number(await etagOf('text'))).toBeGreaterThan(Math.max(...before.map(number)))
  client.close()
}
