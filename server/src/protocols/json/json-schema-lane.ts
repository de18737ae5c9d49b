import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FairQueue } from '../../core/kernel/bounds/fair-queue.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { Answer, Question } from './json-schema-process.ts'

/** The outcome of one check, and how long it took. */
export type Outcome = (
  | { readonly kind: 'sound' }
  /** `reason` ends a sentence for the client that sent the schema or the value. */
  | { readonly kind: 'unsound'; readonly reason: string }
  /** The check did not end in the time of this lane. */
  | { readonly kind: 'late' }
) & { readonly ms: number }

/** What is asked of the process: one schema and a value, or the schema alone. */
export interface Check {
  /** Who makes this check. */
  readonly owner: string
  readonly schemaId: string
  /** JSON. */
  readonly schema: string
  readonly value: Uint8Array | undefined
}

export interface LaneTimes {
  readonly checkMsMax: number
  /** If the process does not end a check by itself, it is killed after this long. */
  readonly graceMs: number
  /** Whether a check may begin in this lane; if not, it counts as late. */
  isWanted(check: Check): boolean
}

interface Job {
  readonly check: Check
  /** When the process was asked. */
  since: number
  resolve(outcome: Outcome): void
  reject(error: unknown): void
}

/**
 * A process that makes checks, one at a time. It may not write files, does not get the server's
 * environment variables, and is replaced when it ends. The first check starts it.
 */
export class JsonSchemaLane {
  readonly #times: LaneTimes
  /** Owners take turns, and so do the schemas of each owner. */
  readonly #waiting = new FairQueue<Job>()
  #running: Job | undefined
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #isReady = false

  constructor(times: LaneTimes) {
    this.#times = times
  }

  run(check: Check): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push([check.owner, check.schemaId], {
        check,
        since: 0,
        resolve,
        reject,
      })
      this.#next()
    })
  }

  async close(): Promise<void> {
    const error = new StorageError('storage-unavailable', 'The server is stopping.')
    for (const job of this.#waiting.clear()) job.reject(error)
    const child = this.#child
    const ended = child && once(child, 'exit')
    this.#endChild()
    this.#finish((job) => job.reject(error))
    await ended
  }

  #next(): void {
    if (this.#running) return
    this.#running = this.#takeJob()
    if (!this.#running) return
    this.#child ??= this.#startChild()
    if (this.#isReady) this.#begin(this.#child, this.#running)
  }

  #takeJob(): Job | undefined {
    for (;;) {
      const job = this.#waiting.shift()
      if (!job || this.#times.isWanted(job.check)) return job
      job.resolve({ kind: 'late', ms: 0 })
    }
  }

  #begin(child: ChildProcess, job: Job): void {
    job.since = performance.now()
    this.#send(child, job.check)
  }

  /** The process may still have the compiled schema, unless `withSchema` is set. */
  #send(child: ChildProcess, check: Check, { withSchema = check.value === undefined } = {}): void {
    const { checkMsMax, graceMs } = this.#times
    const { schemaId, value } = check
    const schema = withSchema ? check.schema : undefined
    const question: Question = { schemaId, schema, value, checkMsMax }
    this.#endAfter(checkMsMax + graceMs, (job) => conclude(job, { kind: 'late' }))
    child.send(question)
  }

  #startChild(): ChildProcess {
    // The published package has JavaScript; a clone may run TypeScript.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const program = new URL(`./json-schema-process.${extension}`, import.meta.url)
    const child = fork(fileURLToPath(program), {
      execArgv: [
        `--max-old-space-size=${limits.jsonSchemaHeapMiBMax}`,
        '--permission',
        '--allow-fs-read=*',
      ],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.on('message', (answer: Answer) => {
      if (child === this.#child) this.#hear(child, answer)
    })
    child.on('error', (error) => {
      if (child === this.#child) this.#lose((job) => job.reject(error))
    })
    child.on('exit', () => {
      if (child === this.#child) this.#lose((job) => this.#settleLost(job))
    })
    // The child does not keep a server running that stops.
    child.unref()
    child.channel?.unref()
    const late = new Error('The process for JSON Schemas does not start.')
    this.#endAfter(limits.jsonSchemaStartMsMax, (job) => job.reject(late))
    return child
  }

  #hear(child: ChildProcess, answer: Answer): void {
    const running = this.#running
    if (answer.kind === 'ready') {
      this.#isReady = true
      if (running) this.#begin(child, running)
      return
    }
    if (answer.kind === 'schema-unknown') {
      if (running) this.#send(child, running.check, { withSchema: true })
      return
    }
    this.#finish((job) => settle(job, answer))
  }

  /** A process that ends while it checks has run out of memory. */
  #settleLost(job: Job): void {
    const reason = 'checking it takes too much memory'
    if (this.#isReady) conclude(job, { kind: 'unsound', reason })
    else job.reject(new Error('The process for JSON Schemas ended before it was ready.'))
  }

  #endAfter(ms: number, settleJob: (job: Job) => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#lose(settleJob), ms)
  }

  /** The process is gone or is to be killed. The next job gets a new one. */
  #lose(settleJob: (job: Job) => void): void {
    const job = this.#running
    if (job) settleJob(job)
    this.#endChild()
    this.#finish(() => undefined)
  }

  #endChild(): void {
    const child = this.#child
    this.#child = undefined
    this.#isReady = false
    clearTimeout(this.#timer)
    child?.kill('SIGKILL')
  }

  #finish(settleJob: (job: Job) => void): void {
    clearTimeout(this.#timer)
    const job = this.#running
    this.#running = undefined
    if (job) settleJob(job)
    this.#next()
  }
}

type Conclusion = Extract<Answer, { kind: 'sound' | 'unsound' | 'late' }>

function settle(job: Job, answer: Conclusion | Extract<Answer, { kind: 'failed' }>): void {
  if (answer.kind === 'failed') job.reject(new Error(answer.reason))
  else conclude(job, answer)
}

function conclude({ resolve, since }: Job, conclusion: Conclusion): void {
  resolve({ ...conclusion, ms: performance.now() - since })
}
