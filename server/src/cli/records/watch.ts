import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '../api/local-api.ts'
import type { Command, CommandCall } from '../commands/command.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { exactJson } from '../terminal/exact-json.ts'
import { textCell } from '../terminal/readable.ts'
import type { Screen } from '../terminal/screen.ts'
import { isLost, RecordApi } from './record-api.ts'

export const watchCommand: Command = {
  usage: 'watch STORE [PREFIX]',
  about:
    'prints each change of the keys that begin with PREFIX as it happens, until Ctrl-C: revision,\n' +
    'kind, key and, for short JSON, the value',
  words: { min: 1, max: 2 },
  onlyReads: true,
  needsServer: true,
  mayBeRemote: true,
  mayBeEmpty: true,
  run: watch,
}

const pauseMs = 1_000

/** How far a watch has come. */
interface Course {
  /** '' before the first event. */
  lastId: string
  isOver: boolean
}

async function watch({ given, api, screen }: CommandCall): Promise<void> {
  const records = await RecordApi.of(api, given.word(0))
  process.once('SIGINT', () => process.exit(0))
  const course: Course = { lastId: '', isOver: false }
  while (!course.isOver) {
    try {
      const reply = await records.changes({ prefix: given.word(1), after: course.lastId })
      await follow(reply.body, course, screen)
    } catch (error) {
      // While the server is away, `api` finds none: it is looked for until it is back.
      const isAway = error instanceof CommandError && !(error instanceof ApiError)
      if (!isLost(error) && !(isAway && course.lastId !== '')) throw error
    }
    if (course.isOver) return
    // A server that is started again may listen elsewhere, and has another secret.
    await api.close()
    await sleep(pauseMs)
  }
}

async function follow(
  body: AsyncIterable<Uint8Array>,
  course: Course,
  screen: Screen,
): Promise<void> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of body) {
    const events = (text + decoder.decode(part, { stream: true })).split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) tell(event, course, screen)
  }
}

function tell(text: string, course: Course, screen: Screen): void {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^(\w*): ?(.*)$/.exec(line) ?? []
    fields.set(name, value)
  }
  course.lastId = fields.get('id') ?? course.lastId
  const event = fields.get('event')
  const data = fields.get('data') ?? '{}'
  if (event === 'ready') return
  if (event === 'end') throw new ApiError(403, JSON.parse(data).message)
  if (event === 'reset') screen.note('Some changes are too old to be told: read the store again.')
  if (event === 'change') course.isOver = print(data, screen)
}

/** Returns whether the store is gone. */
function print(data: string, screen: Screen): boolean {
  const { key, kind, revision } = JSON.parse(data)
  const change = Object(exactJson(data))
  const cells = [String(revision), kind, key].map(textCell)
  if (screen.isJson) screen.json(change)
  else screen.line('value' in change ? [...cells, textCell(JSON.stringify(change.value))] : cells)
  return kind === 'drop' || kind === 'expire'
}
