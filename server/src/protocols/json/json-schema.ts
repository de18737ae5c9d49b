import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { Answer, Question } from './json-schema-process.ts'

/** Whether a schema is valid, or whether a value satisfies it. */
export type Verdict =
  | { readonly isSound: true }
  /** `reason` ends a sentence for the client that sent the schema or the value. */
  | { readonly isSound: false; readonly reason: string }

interface Job {
  readonly question: Question
  /** Sent if the process answers that it does not have the schema. */
  readonly schema: string
  resolve(verdict: Verdict): void
  reject(error: unknown): void
}

/**
 * Checks values against JSON Schemas (draft-07). Schemas come from users. A few lines of one can
 * take years of work or all memory, and running out of memory ends the whole process. So a child
 * process makes all checks, one at a time. It may not write files, does not get the server's
 * environment variables, and is replaced when it ends. The first check starts it.
 */
export class JsonSchemas {
  /**
   * By schema id. The schema that was served longest ago comes first, so that none keeps the others
   * waiting.
   */
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
   * Whether `value`, JSON in UTF-8, satisfies `schema`. An `id` must always name the same schema.
   * Throws `store-busy` if too many bytes wait to be checked.
   */
  async check(value: Bytes, { id, schema }: { id: string; schema: string }): Promise<Verdict> {
    if (this.#waitingBytes + value.length > limits.jsonSchemaQueueBytesMax) {
      throw new StorageError('store-busy', 'Too many values are waiting to be checked. Try again.')
    }
    this.#waitingBytes += value.length
    try {
      return await this.#ask({ schemaId: id, schema: undefined, value }, schema)
    } finally {
      this.#waitingBytes -= value.length
    }
  }

  async close(): Promise<void> {
    const error = new StorageError('storage-unavailable', 'The server is stopping.')
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
    const waitMs = limits.jsonSchemaCheckMsMax + limits.jsonSchemaGraceMs
    this.#endAfter(waitMs, (job) => job.resolve(verdict))
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

function settle(job: Job, answer: Answer): void {
  if (answer.kind === 'unsound') job.resolve({ isSound: false, reason: answer.reason })
  else if (answer.kind === 'failed') job.reject(new Error(answer.reason))
  else job.resolve({ isSound: true })
}
