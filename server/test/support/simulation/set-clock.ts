import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestFolder } from '../data/test-folder.ts'

/** Runs in the server's process before anything else. The monotonic clock stays as it is. */
const program = `
  const { readFileSync } = require('node:fs')
  const { now } = Date
  Date.now = () => now() + Number(readFileSync(process.env.TEST_CLOCK_FILE, 'utf8'))
`

/** The clock of server processes that are started with `env`, which a test can set. */
export class SetClock {
  readonly env: Readonly<Record<string, string>>
  readonly #file: string

  constructor() {
    const folder = createTestFolder()
    const loaded = join(folder, 'clock.cjs')
    this.#file = join(folder, 'offset')
    writeFileSync(loaded, program)
    this.set(0)
    this.env = { NODE_OPTIONS: `--require ${loaded}`, TEST_CLOCK_FILE: this.#file }
  }

  /** Sets the clock so many ms ahead of the true time, or behind it. */
  set(ms: number): void {
    writeFileSync(this.#file, String(ms))
  }
}
