import { extname } from 'node:path'
import { wholeOf } from '../api/local-api.ts'
import type { Command, CommandCall } from '../commands/command.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { RecordApi, revisionOf } from './record-api.ts'
import { openValue } from './sent-value.ts'
import { withProgress } from './shown-progress.ts'

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

async function put({ given, api, screen }: CommandCall): Promise<void> {
  const [text, key, file] = [given.word(0), given.word(1), given.word(2)]
  const condition = conditionOf(given.flag('if-absent'), given.text('if-revision'))
  const type = given.text('type') ?? types[extname(file).toLowerCase()]
  const headers = { 'content-type': type ?? 'application/octet-stream', ...condition }
  const value = await openValue(file)
  try {
    const records = await RecordApi.of(api, text)
    const shown = withProgress(`Storing ${key}`, value)
    const reply = await records.send({ method: 'PUT', key, headers, value: shown })
    await wholeOf(reply, 'The answer')
    if (screen.isJson) screen.json({ key, revision: revisionOf(reply) })
  } finally {
    await value.close()
  }
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
