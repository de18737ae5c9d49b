import type { StreamedReply } from '../../composition/local-doors.ts'
import { ConnectionError, SilenceError } from '../api/connection-errors.ts'
import { wholeOf } from '../api/local-api.ts'
import type { Command, CommandCall } from '../commands/command.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { exactJson } from '../terminal/exact-json.ts'
import type { Screen } from '../terminal/screen.ts'
import { ReceivedFile } from './received-file.ts'
import { RecordApi, revisionOf } from './record-api.ts'
import { shown } from './shown-progress.ts'
import { TerminalText } from './terminal-text.ts'

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

async function get({ given, api, screen }: CommandCall): Promise<void> {
  const [text, key] = [given.word(0), given.word(1)]
  const records = await RecordApi.of(api, text)
  const accepted = given.flag('raw') ? 'br, gzip, deflate, identity' : 'identity'
  const headers = { 'accept-encoding': accepted }
  const reply = await records.send({ method: 'GET', key, headers })
  const out = given.text('out')
  if (screen.isJson) screen.json(await describe(key, reply))
  else if (out !== undefined) await save(out, key, reply)
  else await print(screen, reply, { mayBeBinary: given.flag('force') || !screen.isTerminal })
}

async function describe(key: string, reply: StreamedReply): Promise<object> {
  const bytes = await wholeOf(reply, `The value of ${key}`, ': get it without --json')
  const { 'content-type': contentType = '', 'content-encoding': contentEncoding } = reply.headers
  return {
    key,
    contentType,
    ...(contentEncoding !== undefined && { contentEncoding }),
    revision: revisionOf(reply),
    size: bytes.length,
    ...shownValue(bytes, contentType),
  }
}

function shownValue(bytes: Buffer, contentType: string): object {
  const text = bytes.toString('utf8')
  const isJson = /^application\/(.*\+)?json\b/.test(contentType)
  const isText = isJson || contentType.startsWith('text/')
  if (!isText || !Buffer.from(text).equals(bytes)) return { base64: bytes.toString('base64') }
  return { value: isJson ? jsonOrText(text) : text }
}

/** A record may have a JSON type and another value: nothing checks that it is JSON. */
function jsonOrText(text: string): unknown {
  try {
    return exactJson(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}

/** The file is there once it is complete. */
async function save(out: string, key: string, reply: StreamedReply): Promise<void> {
  const total = Number(reply.headers['content-length']) || undefined
  const file = await ReceivedFile.create(out)
  try {
    for await (const part of shown(`Reading ${key}`, reply.body, total)) await file.write(part)
  } catch (error) {
    await file.abandon()
    if (!(error instanceof CommandError)) throw error
    throw new CommandError(`${out} was not written. ${error.message}`)
  }
  await file.finish()
}

async function print(
  screen: Screen,
  { body }: StreamedReply,
  { mayBeBinary }: { mayBeBinary: boolean },
): Promise<void> {
  const text = mayBeBinary ? undefined : new TerminalText()
  try {
    for await (const part of body) {
      text?.check(part)
      await screen.bytes(part)
      if (screen.isReaderGone) return
    }
    text?.check()
  } catch (error) {
    if (!(error instanceof ConnectionError || error instanceof SilenceError)) throw error
    throw new CommandError(`The value is not complete. ${error.message}`)
  }
}
