import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Revision } from '../../../src/core/engine/engine.ts'
import type { FileFaults } from '../disk/file-faults.ts'
import { serverFolder } from '../disk/sources.ts'
import type { ShownEntry } from '../disk/workload.ts'
import { ProcessOutput } from '../processes/process-output.ts'

/** `check` also runs `coatcheck check`, before and after; the folder is `lmdb` in a data folder. */
export type Step = 'check' | 'commit' | 'again'

export interface ExaminerJob {
  readonly folder: string
  /** Keys that are read one by one, in addition to the listing of all. */
  readonly keys: readonly string[]
  readonly steps: readonly Step[]
}

/** What a process saw that opened the folder. Errors begin with their class. */
export interface Reading {
  /** Why the engine did not open; undefined: it did. */
  readonly refusal: string | undefined
  readonly got: readonly (readonly [string, ShownEntry | undefined])[]
  readonly listed: readonly (readonly [string, ShownEntry])[]
  readonly failures: readonly string[]
  /** The revision of a commit that was made afterwards. */
  readonly next: Revision | undefined
}

export interface Examination {
  readonly first: Reading
  /** After an orderly stop. */
  readonly again: Reading | undefined
  readonly checkedBefore: readonly string[]
  readonly checkedAfter: readonly string[]
  readonly faultsMet: number
}

/** How an examination ended without a report. */
export type Ending = { readonly ended: 'died' | 'hung'; readonly how: string }

/** An examination of a sound folder takes a fraction of a second. */
const silenceMsMax = 30_000

/**
 * Lets a process of its own examine folders one after the other. A folder that ends the process, or
 * keeps it busy for too long, gets an `Ending`, and the next one gets a new process.
 */
export class Examiner {
  readonly #words: readonly string[]
  #child: ChildProcess | undefined
  #errors: ProcessOutput | undefined

  constructor({ server = serverFolder, faults }: { server?: string; faults?: FileFaults } = {}) {
    const script = join(serverFolder, 'test/support/damage/examiner-child.ts')
    this.#words = [script, server, ...(faults ? [JSON.stringify(faults)] : [])]
  }

  async examine(job: ExaminerJob): Promise<Examination | Ending> {
    this.#child ??= spawn(process.execPath, this.#words, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const child = this.#child
    // LMDB prints what it thinks of each damaged page.
    if (child.stderr?.listenerCount('data') === 0) this.#errors = new ProcessOutput(child.stderr)
    const { promise, resolve, reject } = Promise.withResolvers<Examination | Ending>()
    const onEnd = (code: number | null, signal: string | null): void => {
      resolve({ ended: 'died', how: `${signal ?? code} ${this.#errors?.lines.at(-1) ?? ''}` })
    }
    const watchdog = setTimeout(() => {
      resolve({ ended: 'hung', how: `no answer in ${silenceMsMax} ms` })
    }, silenceMsMax)
    child.once('message', resolve).once('exit', onEnd).once('error', reject)
    child.send(job)
    try {
      const result = await promise
      if ('ended' in result) this.close()
      return result
    } finally {
      clearTimeout(watchdog)
      child.off('message', resolve).off('exit', onEnd).off('error', reject)
    }
  }

  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }
}
