import { textCell, timeCell } from '../terminal/readable.ts'
import type { Command, CommandCall } from './command.ts'

/** The clock, as the API describes it. */
interface ClockData {
  readonly time: string
  readonly expectedTime: string
  readonly isHeld: boolean
  readonly note: string | null
}

const path = '/coatcheck/v1/clock'

/** `coatcheck clock`: shows whether the clock keeps stores from expiring. */
const showCommand: Command = {
  usage: 'clock show',
  about: "shows the server's time, and whether a wrong clock keeps stores from expiring",
  words: { min: 0, max: 0 },
  onlyReads: true,
  run: async ({ api, screen }) => show(screen, await api.ask<ClockData>('GET', path)),
}

const confirmCommand: Command = {
  usage: 'clock confirm',
  about:
    'says that the clock is right, after it was set or the server was stopped for long:\n' +
    'stores expire again, and each gets its full time from now on',
  words: { min: 0, max: 0 },
  run: async ({ api, screen }) => show(screen, await api.ask<ClockData>('POST', `${path}/confirm`)),
}

export const clockCommands: Readonly<Record<string, Command>> = {
  show: showCommand,
  confirm: confirmCommand,
}

function show(screen: CommandCall['screen'], data: ClockData): void {
  if (screen.isJson) {
    screen.json(data)
    return
  }
  screen.facts([
    ['time', timeCell(data.time)],
    ['expected', timeCell(data.expectedTime)],
    ['expiry', textCell(data.isHeld ? 'held' : 'as usual')],
    ['note', textCell(data.note ?? undefined)],
  ])
}
