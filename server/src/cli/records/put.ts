import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { StreamedReply } from '../../composition/local-doors.ts'
import type { Command, CommandCall } from '../commands/command.ts'
import { CommandError, UsageError } from '../terminal/command-errors.ts'
import { exactJson } from '../terminal/exact-json.ts'
import { ProgressBar } from '../terminal/progress-bar.ts'
import { RecordApi, type SentValue } from './record-api.ts'

/** By the extension of a file; all others are `application/octet-stream`. */
const types: Readonly<Record<string, string>> = {
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wav': 'audio/wav',
  '.webp': 'image/webp',
  '.xml': 'application/xml',
  '.zip': 'application/zip',
}

/** From this size on, a terminal shows how far a value is. */
const longBytes = 4_194_304

export const putCommand: Command = {
  usage: 'put STORE KEY FILE|- [--type TYPE] [--if-absent | --if-revision N]',
  about:
    'stores a file, or with - what comes through a pipe, under a key; the type is that of the\n' +
    "file's extension. --if-absent: only a new key; --if-revision: only over that version",
  flags: {
    type: { type: 'string' },
    'if-absent': { type: 'boolean' },
    'if-revision': { type: 'string' },
  },
  words: { min: 3, max: 3 },
  mayBeRemote: true,
  mayBeEmpty: true,
  run: put,
}

export const getCommand: Command = {
  usage: 'get STORE KEY [--out FILE] [--raw] [--force]',
  about:
    'prints a value, byte by byte as it was stored, or writes it to a file. A compressed value is\n' +
    'unpacked, without --raw. --force prints binary data on a terminal, too',
  flags: { out: { type: 'string' }, raw: { type: 'boolean' }, force: { type: 'boolean' } },
  words: { min: 2, max: 2 },
  onlyReads: true,
  mayBeRemote: true,
  mayBeEmpty: true,
  run: get,
}

async function put({ given, api, screen }: CommandCall): Promise<void> {
  const [text, key, file] = [given.word(0), given.word(1), given.word(2)]
  const condition = conditionOf(given.flag('if-absent'), given.text('if-revision'))
  const bar = new ProgressBar(process.stderr, `Storing ${key}`)
  const value = file === '-' ? pipedValue(bar) : await fileValue(file, bar)
  const type = given.text('type') ?? types[extname(file).toLowerCase()]
  const headers = { 'content-type': type ?? 'application/octet-stream', ...condition }
  const records = await RecordApi.of(api, text)
  const reply = await records.send({ method: 'PUT', key, headers, value }).finally(() => bar.end())
  await Array.fromAsync(reply.body)
  if (screen.isJson) screen.json({ key, revision: revisionOf(reply) })
}

function conditionOf(isNew: boolean, revision: string | undefined): Record<string, string> {
  if (isNew && revision !== undefined) {
    throw new UsageError('--if-absent and --if-revision exclude each other.')
  }
  if (isNew) return { 'if-none-match': '*' }
  if (revision === undefined) return {}
  if (/^\d{1,16}$/.test(revision)) return { 'if-match': `"${revision}"` }
  throw new UsageError(`--if-revision is "${revision}", but must be the number of a revision.`)
}

async function fileValue(file: string, bar: ProgressBar): Promise<SentValue> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'There is no such file' : error.message
    throw new CommandError(`${file} can't be read. ${why}.`)
  })
  if (found.isDirectory()) throw new CommandError(`${file} is a folder: name a file.`)
  const length = found.isFile() ? found.size : undefined
  return {
    length,
    isRepeatable: found.isFile(),
    open: () => shown(createReadStream(file), { bar, total: length }),
  }
}

function pipedValue(bar: ProgressBar): SentValue {
  if (process.stdin.isTTY) {
    throw new UsageError('- stands for a pipe: name a file, or write: ... | coatcheck put ...')
  }
  return {
    length: undefined,
    isRepeatable: false,
    open: () => shown(process.stdin, { bar, total: undefined }),
  }
}

/** Passes bytes on, and shows on a terminal how many there were. */
async function* shown(
  parts: AsyncIterable<Uint8Array>,
  { bar, total }: { bar: ProgressBar; total: number | undefined },
): AsyncGenerator<Uint8Array> {
  let done = 0
  for await (const part of parts) {
    yield part
    done += part.length
    if ((total ?? done) >= longBytes) bar.show(done, total)
  }
  bar.end()
}

async function get({ given, api, screen }: CommandCall): Promise<void> {
  const [text, key] = [given.word(0), given.word(1)]
  const records = await RecordApi.of(api, text)
  const accepted = given.flag('raw') ? 'br, gzip, deflate, identity' : 'identity'
  const reply = await records.send({
    method: 'GET',
    key,
    headers: { 'accept-encoding': accepted },
  })
  const out = given.text('out')
  if (screen.isJson) screen.json(await describe(key, reply))
  else if (out !== undefined) await writeFile(out, key, reply)
  else await print(reply, { mayBeBinary: given.flag('force') || !process.stdout.isTTY })
}

async function describe(key: string, reply: StreamedReply): Promise<object> {
  const bytes = Buffer.concat(await Array.fromAsync(reply.body))
  const { 'content-type': contentType = '' } = reply.headers
  const about = { key, contentType, revision: revisionOf(reply), size: bytes.length }
  if (/^application\/(.*\+)?json\b/.test(contentType)) {
    return { ...about, value: exactJson(bytes.toString('utf8')) }
  }
  const isText = contentType.startsWith('text/')
  return isText
    ? { ...about, value: bytes.toString('utf8') }
    : { ...about, base64: bytes.toString('base64') }
}

/** The file is there once it is complete. */
async function writeFile(out: string, key: string, reply: StreamedReply): Promise<void> {
  const part = `${out}.${randomUUID().slice(0, 8)}.part`
  const bar = new ProgressBar(process.stderr, `Reading ${key}`)
  const total = Number(reply.headers['content-length']) || undefined
  const stream = createWriteStream(part, { flags: 'wx' })
  try {
    await pipe(shown(reply.body, { bar, total }), stream)
    await rename(part, out)
  } catch (error) {
    await rm(part, { force: true })
    throw new CommandError(`${out} was not written: ${reasonOf(error)}.`)
  } finally {
    bar.end()
  }
}

async function pipe(
  parts: AsyncIterable<Uint8Array>,
  stream: NodeJS.WritableStream,
): Promise<void> {
  const { pipeline } = await import('node:stream/promises')
  await pipeline(parts, stream)
}

async function print(reply: StreamedReply, options: { mayBeBinary: boolean }): Promise<void> {
  const { stdout } = process
  try {
    let isFirst = true
    for await (const part of reply.body) {
      if (isFirst && !options.mayBeBinary && mayHarm(part)) {
        const why = 'This value could change your terminal'
        throw new CommandError(`${why}: use --out FILE, a pipe, or --force.`)
      }
      isFirst = false
      if (stdout.write(part)) continue
      const ready = new AbortController()
      const ends = ['drain', 'close'].map((name) => once(stdout, name, { signal: ready.signal }))
      await Promise.race(ends).finally(() => ready.abort())
      await Promise.allSettled(ends)
      if (stdout.destroyed || stdout.writableEnded) return
    }
  } catch (error) {
    if (error instanceof CommandError) throw error
    // The reader has gone, as in `coatcheck get ... | head`: that is not an error.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return
    throw new CommandError(`The value is not complete: ${reasonOf(error)}.`)
  }
}

/** Whether bytes are no text, or control a terminal: escapes and the like, except line breaks. */
function mayHarm(bytes: Uint8Array): boolean {
  return bytes.some((byte) => (byte < 0x20 && ![0x09, 0x0a, 0x0d].includes(byte)) || byte === 0x7f)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function revisionOf({ headers }: StreamedReply): number {
  return Number(/^(?:W\/)?"(\d+)/.exec(headers.etag ?? '')?.[1] ?? 0)
}
