import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../../core/kernel/limits.ts'
import { ApiError } from '../api/local-api.ts'
import type { Command, CommandCall } from '../commands/command.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { exactJson } from '../terminal/exact-json.ts'
import { textCell } from '../terminal/readable.ts'
import type { Screen } from '../terminal/screen.ts'
import { RecordApi } from './record-api.ts'

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
  /** The store is gone, or nobody reads what is printed. */
  isOver: boolean
}

interface ToldEvent {
  readonly event?: string | undefined
  readonly data: string
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
      if (!isAway || course.lastId === '') throw error
    }
    if (course.isOver) return
    // A server that is started again may listen elsewhere, and has another secret.
    await api.close()
    await sleep(pauseMs)
  }
}

/** Reads one connection to its end, or until the watch is over. */
async function follow(
  body: AsyncIterable<Uint8Array>,
  course: Course,
  screen: Screen,
): Promise<void> {
  // Loaded here: the other commands start faster without it.
  const { createParser } = await import('eventsource-parser')
  const parser = createParser({
    maxBufferSize: limits.commandEventLengthMax,
    // Also of a block without data: it says how far the server has looked.
    onId: (id) => {
      course.lastId = id
    },
    onEvent: (event) => tell(event, course, screen),
    onError: (error) => {
      // Fields that are unknown are ignored, as the standard says.
      if (error.type === 'max-buffer-size-exceeded') throw new CommandError(error.message)
    },
  })
  const decoder = new TextDecoder()
  for await (const part of body) {
    parser.feed(decoder.decode(part, { stream: true }))
    if (course.isOver) return
  }
}

function tell({ event, data }: ToldEvent, course: Course, screen: Screen): void {
  if (course.isOver) return
  if (event === 'end') throw new ApiError(403, JSON.parse(data).message)
  if (event === 'reset') screen.note('Some changes are too old to be told: read the store again.')
  if (event === 'change') course.isOver = print(data, screen) || screen.isReaderGone
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
