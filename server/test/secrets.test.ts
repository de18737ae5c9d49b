import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { apifyRows } from './support/authorization/apify-operations.ts'
import { coatcheckRows } from './support/authorization/coatcheck-operations.ts'
import { healthRows } from './support/authorization/health-operations.ts'
import { changesOf, type Row, requestOf } from './support/authorization/operations.ts'
import { type Credentials, callerNames, World } from './support/authorization/world.ts'
import { flipByteIn } from './support/data/data-file.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { sendRaw } from './support/network/raw-connection.ts'
import { Remote } from './support/network/remote.ts'
import { SlowUpload } from './support/network/slow-transfer.ts'
import { ServerProcess } from './support/processes/server-process.ts'

const initialToken = 'canary-of-the-first-start-0123456789abcdef'
const otherInitialToken = 'canary-of-a-later-start-0123456789abcdef'
/** Callers that send one operation. */
const callersAtOnce = 5
const wrongToken = 'canary-that-was-never-right'
const wrongSignature = 'canary-that-never-signed'
/** Files with tokens on purpose: for everybody who may read the folder. */
const tokenFiles: readonly string[] = ['first-token', 'local-server']
const journalFile = 'lmdb/journal'
const damagedValue = 'a value that will be damaged on disk, and is found there until then'

describe('tokens and signatures', () => {
  it('appear in no output, no list of processes and no file, however they are used', async () => {
    const data = createTestFolder()
    const known = new Set([initialToken, otherInitialToken, wrongToken, wrongSignature])
    const first = await start(data, { initialToken })
    const world = await World.create({ url: first.url, token: initialToken })
    await askEverything(first.url, { world, known })
    await breakEverything(first.url, world)
    await putDamaged(first.url, world)
    expect(namesOfFilesWith(data, damagedValue)).toContain(journalFile)
    const pageKey = await askAsPage(first.url, world)
    const stored = [world.wardrobe.secret, pageKey]
    const seen = { known, data, stored }
    assertHidden(first, seen)
    expect(await first.stop()).toBe(0)
    assertHidden(first, seen)
    // Data that moved from the journal into LMDB stays in the journal until it is overwritten.
    const found = namesOfFilesWith(data, damagedValue)
    expect(found.filter((file) => file !== journalFile)).toEqual(['lmdb/data.mdb'])

    expect(flipByteIn(data, Buffer.from(damagedValue))).toBeGreaterThan(0)
    const { port } = new URL(first.url)
    const second = await start(data, { initialToken: otherInitialToken, port })
    await askForDamaged(second.url, world)
    expect(await askAsPage(second.url, world)).toBe(pageKey)
    await askEverything(second.url, { world, known })
    assertHidden(second, seen)
    // Proves that the server logged lines that could contain secrets.
    expect(second.stderr).toContain('/records/DAMAGED')
    expect(second.stderr).toContain('/get_key_value')
    expect(second.stderr).toContain('COATCHECK_INITIAL_TOKEN is ignored')
    expect(await second.stop()).toBe(0)
    assertHidden(second, seen)
    expect(known.size).toBeGreaterThan(30)
  }, 180_000)
})

function start(
  data: string,
  { initialToken, port = '0' }: { initialToken: string; port?: string },
): Promise<ServerProcess> {
  const env = { COATCHECK_INITIAL_TOKEN: initialToken }
  return ServerProcess.start({ data, env, args: ['--port', port] })
}

interface Asking {
  readonly world: World
  /** All tokens and signatures that were sent so far. */
  readonly known: Set<string>
}

/**
 * Sends every operation as some of the callers, with the token in a header and in the query. The
 * callers take turns, so that each sends many operations.
 */
async function askEverything(url: string, { world, known }: Asking): Promise<void> {
  const strangers = [{ token: wrongToken, signature: wrongSignature }, { token: initialToken }]
  const rows = [...apifyRows, ...coatcheckRows, ...healthRows]
  for (const [turn, row] of rows.entries()) {
    const callers = rotated(callerNames, turn * callersAtOnce).slice(0, callersAtOnce)
    const everybody = [...strangers, ...callers.map((name) => world.as(name))]
    for (const secret of world.secrets()) known.add(secret)
    for (const caller of everybody) await askTwice(url, row, { world, caller })
    if (changesOf(row)) await world.restore()
  }
}

function rotated(names: readonly string[], by: number): string[] {
  const start = by % names.length
  return [...names.slice(start), ...names.slice(0, start)]
}

async function askTwice(
  url: string,
  row: Row,
  { world, caller }: { world: World; caller: Credentials },
): Promise<void> {
  const remote = new Remote(url)
  const { path, asked } = requestOf(row, { world, caller, address: 'id' })
  const { token, ...rest } = asked
  const mark = path.includes('?') ? '&' : '?'
  const replies = [await remote.send(path, asked)]
  if (token !== undefined) replies.push(await remote.send(`${path}${mark}token=${token}`, rest))
  for (const { status } of replies) expect(status, row.at).toBeLessThan(500)
}

/** Sends requests that are invalid, are for another server, or never end. */
async function breakEverything(url: string, world: World): Promise<void> {
  const token = world.tokenOf('jane')
  const target = `/v2/key-value-stores/${world.wardrobe.id}/records/in-coat`
  const query = `?token=${token}&signature=${world.recordLink()}`
  const authorization = `Authorization: Bearer ${token}`
  const heads = [
    [`GET ${target}${query} HTTP/1.1`, 'Host: localhost', 'no header'],
    [`GET ${target}${query} HTTP/1.1`, 'Host: example.com', authorization],
    [`GET http://example.com${target}${query} HTTP/1.1`, 'Host: example.com'],
    [`GET ${target}${query} HTTP/1.1`, authorization],
    [`NONSENSE ${target}${query} HTTP/1.1`, 'Host: localhost'],
    [`GET ${target}${query} HTTP/9.9`, 'Host: localhost'],
    [`GET ${target}/%ff${query} HTTP/1.1`, 'Host: localhost', 'Connection: close'],
    [`GET /v2/key-value-stores/${token} HTTP/1.1`, 'Host: localhost', 'Connection: close'],
    [`GET /coatcheck/v1/tokens/${token} HTTP/1.1`, 'Host: localhost', authorization],
    [`PUT ${target}${query} HTTP/1.1`, 'Host: localhost', 'Content-Length: 4, 5'],
    [`PUT ${target}${query} HTTP/1.1`, 'Host: localhost', `X-Large: ${token.repeat(1_000)}`],
    [`PUT ${target}${query} HTTP/1.1`, 'Host: localhost', 'Content-Length: 9', authorization],
    [`GET ${target}${query} HTTP/1.1`, 'Host: localhost', `Range: ${token}`, 'Connection: close'],
    [`GET ${target}${query} HTTP/1.1`, 'Host: localhost', `If-Match: ${token}`, authorization],
  ]
  for (const lines of heads) await sendRaw(url, [`${lines.join('\r\n')}\r\n\r\n`], 'cut')
  const path = target + query
  const upload = await SlowUpload.begin({ url, path }, Buffer.alloc(3_000_000), { sent: 1_500_000 })
  upload.abort()
  const remote = new Remote(url)
  const asked = {
    method: 'PATCH',
    body: `{"${token}`,
    headers: { 'Content-Type': 'application/json' },
  }
  const store = `/v2/key-value-stores/${world.wardrobe.id}`
  expect((await remote.send(`${store}${query}`, asked)).status).toBe(400)
}

async function putDamaged(url: string, world: World): Promise<void> {
  const path = `/v2/key-value-stores/${world.wardrobe.id}/records/DAMAGED`
  const asked = { method: 'PUT', token: world.tokenOf('jane'), body: damagedValue }
  await new Remote(url).do(path, asked)
}

async function askForDamaged(url: string, world: World): Promise<void> {
  const path = `/v2/key-value-stores/${world.wardrobe.id}/records/DAMAGED`
  const token = world.tokenOf('jane')
  const remote = new Remote(url)
  const byQuery = `${path}?token=${token}&signature=${world.contentLink()}`
  expect((await remote.send(byQuery)).status).toBe(500)
  expect((await remote.send(path, { token })).status).toBe(500)
}

/** Sends requests of a page with a right and a wrong page key. Returns the right one. */
async function askAsPage(url: string, world: World): Promise<string> {
  const remote = new Remote(url)
  const { channelId } = world.wardrobe
  const token = world.tokenOf('jane')
  const { data } = await remote.do(`/coatcheck/v1/projects/${channelId}`, { token })
  const path = `/datablock_storage/${channelId}/get_key_value?key=DAMAGED`
  for (const key of [data.pageKey, `${data.pageKey}x`]) {
    const replies = [
      await remote.send(`${path}&pageKey=${key}`),
      await remote.send(path, { headers: { 'X-Page-Key': key } }),
    ]
    for (const { text } of replies) expect(text).not.toContain(data.pageKey)
  }
  return data.pageKey
}

interface Seen {
  readonly known: ReadonlySet<string>
  readonly data: string
  /** Secrets that may be in the data, and nowhere else. */
  readonly stored: readonly string[]
}

function assertHidden(server: ServerProcess, { known, data, stored }: Seen): void {
  const said = {
    stdout: server.stdout,
    stderr: server.stderr,
    processes: execFileSync('ps', ['-ef'], { encoding: 'utf8' }),
  }
  for (const [where, text] of Object.entries(said)) {
    const found = [...known, ...stored].filter((secret) => text.includes(secret))
    expect(found, where).toEqual([])
  }
  for (const [name, content] of filesOf(data)) {
    const found = [...known].filter((secret) => content.includes(secret))
    expect(found, name).toEqual([])
  }
}

/** The names of the files that contain a text. */
function namesOfFilesWith(folder: string, text: string): string[] {
  return filesOf(folder).flatMap(([name, content]) => (content.includes(text) ? [name] : []))
}

/** The files of a folder, at any depth, but those with tokens on purpose. */
function filesOf(folder: string): [name: string, content: Buffer][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !tokenFiles.includes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => [relative(folder, file), readFileSync(file)])
}
