import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { Answer, Question } from './json-schema-process.ts'

/** Whether a schema is one, or whether a value satisfies it. */
export type Verdict =
  | { readonly isSound: true }
  /** `reason` ends a sentence and is for whoever sent the schema or the value. */
  | { readonly isSound: false; readonly reason: string }

interface Job {
  readonly question: Question
  /** Sent along once the process says that it does not know it. */
  readonly schema: string
  resolve(verdict: Verdict): void
  reject(error: unknown): void
}

/** The process ends what takes too long by itself. Where it can't, it is ended after this. */
const graceMs = 2_000
/** Loading it takes a part of a second, on a machine that has nothing else to do. */
const startMsMax = 30_000

/**
 * Checks values against JSON Schemas (draft-07). Schemas come from users, and a few lines of one
 * can ask for years of work or for all memory, and memory that runs out ends a whole process: so
 * all of it is done in a process of its own, one thing at a time, which may change no file, knows
 * nothing of the server's environment and is replaced when it ends. It is started by the first
 * that asks.
 */
export class JsonSchemas {
  /** By schema, the one that was served longest ago first: none keeps the others waiting. */
  readonly #waiting = new Map<string, Job[]>()
  #waitingBytes = 0
  #running: Job | undefined
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #isReady = false

  /** Whether `schema`, which is JSON, is a JSON Schema. */
  checkSchema(schema: string): Promise<Verdict> {
    return this.#ask({ schemaId: '', schema, value: undefined }, schema)
  }

  /**
   * Whether `value`, JSON in UTF-8, satisfies `schema`, which `id` names for ever. Throws
   * `store-busy`.
   */
  async check(value: Bytes, { id, schema }: { id: string; schema: string }): Promise<Verdict> {
    if (this.#waitingBytes + value.length > limits.jsonSchemaQueueBytesMax) {
      throw new StorageError('store-busy', 'Too many values wait for being checked just now.')
    }
    this.#waitingBytes += value.length
    try {
      return await this.#ask({ schemaId: id, schema: undefined, value }, schema)
    } finally {
      this.#waitingBytes -= value.length
    }
  }

  async close(): Promise<void> {
    const error = new StorageError('storage-unavailable', 'The server stops.')
    for (const job of [...this.#waiting.values()].flat()) job.reject(error)
    this.#waiting.clear()
    const child = this.#child
    const ended = child && once(child, 'exit')
    this.#endChild()
    this.#finish((job) => job.reject(error))
    await ended
  }

  #ask(question: Question, schema: string): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      const jobs = this.#waiting.get(question.schemaId) ?? []
      jobs.push({ question, schema, resolve, reject })
      this.#waiting.set(question.schemaId, jobs)
      this.#next()
    })
  }

  #takeJob(): Job | undefined {
    for (const [schemaId, jobs] of this.#waiting) {
      const job = jobs.shift()
      this.#waiting.delete(schemaId)
      if (jobs.length > 0) this.#waiting.set(schemaId, jobs)
      return job
    }
    return undefined
  }

  #next(): void {
    if (this.#running) return
    this.#running = this.#takeJob()
    if (!this.#running) return
    this.#child ??= this.#startChild()
    if (this.#isReady) this.#send(this.#child, this.#running.question)
  }

  #send(child: ChildProcess, question: Question): void {
    const verdict = { isSound: false, reason: 'checking it takes too long' } as const
    this.#endAfter(limits.jsonSchemaCheckMsMax + graceMs, (job) => job.resolve(verdict))
    child.send(question)
  }

  #startChild(): ChildProcess {
    // What is published is JavaScript, what runs from the clone may be TypeScript.
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
    // A server that stops does not wait for it.
    child.unref()
    child.channel?.unref()
    const late = new Error('The process for JSON Schemas does not start.')
    this.#endAfter(startMsMax, (job) => job.reject(late))
    return child
  }

  #hear(child: ChildProcess, answer: Answer): void {
    const running = this.#running
    if (answer.kind === 'ready') {
      this.#isReady = true
      if (running) this.#send(child, running.question)
      return
    }
    if (answer.kind === 'schema-unknown' && running) {
      this.#send(child, { ...running.question, schema: running.schema })
      return
    }
    this.#finish((job) => settle(job, answer))
  }

  /** A process that ends while it checks has run out of memory. */
  #settleLost(job: Job): void {
    if (this.#isReady) job.resolve({ isSound: false, reason: 'checking it takes too much memory' })
    else job.reject(new Error('The process for JSON Schemas ended before it began.'))
  }

  #endAfter(ms: number, settleJob: (job: Job) => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#lose(settleJob), ms)
  }

  /** The process is gone or goes; the next job gets a new one. */
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

function settle(job: Job, answer: Answer): void {
  if (answer.kind === 'unsound') job.resolve({ isSound: false, reason: answer.reason })
  else if (answer.kind === 'failed') job.reject(new Error(answer.reason))
  else job.resolve({ isSound: true })
}
