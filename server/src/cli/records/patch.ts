import { wholeOf } from '../api/local-api.ts'
import type { Command, CommandCall, Given } from '../commands/command.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { exactJson } from '../terminal/exact-json.ts'
import { RecordApi, revisionOf } from './record-api.ts'
import { openValue, wholeValue } from './sent-value.ts'

const updateType = 'application/vnd.coatcheck.update+json'

export const patchCommand: Command = {
  usage:
    'patch STORE KEY JSON | --increment N | --max N | --min N |\n' +
    '                 --append JSON [--keep-last N] | --json-patch FILE|-',
  about:
    'changes a JSON value in one step, and prints the new one. JSON is a merge patch:\n' +
    '\'{"a":1,"b":null}\' sets a and removes b',
  flags: {
    increment: { type: 'string' },
    max: { type: 'string' },
    min: { type: 'string' },
    append: { type: 'string' },
    'keep-last': { type: 'string' },
    'json-patch': { type: 'string' },
  },
  words: { min: 2, max: 3 },
  mayBeRemote: true,
  mayBeEmpty: true,
  run: patch,
}

async function patch({ given, api, screen }: CommandCall): Promise<void> {
  const { type, body } = await patchOf(given)
  const key = given.word(1)
  const records = await RecordApi.of(api, given.word(0))
  const value = wholeValue(Buffer.from(body))
  const headers = { 'content-type': type }
  const reply = await records.send({ method: 'PATCH', key, headers, value })
  const text = (await wholeOf(reply, `The new value of ${key}`)).toString('utf8')
  if (!screen.isJson) screen.text(text)
  else screen.json({ key, revision: revisionOf(reply), value: exactJson(text) })
}

/** Throws UsageError unless exactly one change is given. */
async function patchOf(given: Given): Promise<{ type: string; body: string }> {
  const changes = [
    given.wordCount > 2 && { type: 'application/merge-patch+json', body: given.word(2) },
    update(given, 'increment', 'by'),
    update(given, 'max', 'value'),
    update(given, 'min', 'value'),
    appending(given),
    await jsonPatch(given.text('json-patch')),
  ].filter((change) => typeof change === 'object')
  const [change, other] = changes
  if (!change || other) throw new UsageError('Name one change: JSON, or one of the options.')
  if (given.text('keep-last') !== undefined && given.text('append') === undefined) {
    throw new UsageError('--keep-last needs --append.')
  }
  return change
}

/** The numbers are sent as they are written: they keep all their digits. */
function update(given: Given, op: string, member: string): { type: string; body: string } | false {
  const number = given.text(op)
  if (number === undefined) return false
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(number)) {
    throw new UsageError(`--${op} is "${number}", but must be a number.`)
  }
  return { type: updateType, body: `{"op":"${op}","${member}":${number}}` }
}

function appending(given: Given): { type: string; body: string } | false {
  const item = given.text('append')
  if (item === undefined) return false
  const keepLast = given.count('keep-last', 100_000)
  const kept = keepLast === undefined ? '' : `,"keepLast":${keepLast}`
  return { type: updateType, body: `{"op":"append","item":${item}${kept}}` }
}

async function jsonPatch(
  file: string | undefined,
): Promise<{ type: string; body: string } | false> {
  if (file === undefined) return false
  const value = await openValue(file)
  try {
    const body = await wholeOf({ body: value.parts() }, 'The JSON Patch')
    return { type: 'application/json-patch+json', body: body.toString('utf8') }
  } finally {
    await value.close()
  }
}
