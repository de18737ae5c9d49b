import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalReply, LocalRequest } from '../../composition/local-doors.ts'
import { openDoors } from '../../composition/server.ts'
import type { Config } from '../../installation/config.ts'
import { FolderInUseError, readLocalServer } from '../../installation/data-folder.ts'
import { systemEnvironment } from '../system/system.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { ServerLink } from './server-link.ts'

/** What a call brings along. */
export interface CallParts {
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
  /** JSON. */
  readonly body?: object
  /** The same as text, in place of a body. */
  readonly text?: string
}

/** The API said no; the message is its sentence. */
export class ApiError extends CommandError {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
  }
}

interface Api {
  /** Where the server is; undefined: this process has the data. */
  readonly url?: string
  ask(request: LocalRequest): Promise<LocalReply>
  close(): Promise<void>
}

/** Another command needs a moment, and a server to start or to stop. */
const patienceMs = 5_000
const lookAgainMs = 50

/**
 * The API of the data in a folder, for whoever may read that: the running server answers, or, where
 * nobody serves the folder, this process.
 */
export class LocalApi {
  readonly #config: Config
  #api: Api | undefined

  constructor(config: Config) {
    this.#config = config
  }

  /**
   * What the API's `data` holds. Opens the folder where it is not open yet. Throws ApiError,
   * CommandError and what `openDoors` throws.
   */
  async ask<Data>(method: string, path: string, parts: CallParts = {}): Promise<Data> {
    const data = dataOf<Data>(await this.#send(method, path, parts))
    if (data !== undefined) return data
    throw new CommandError('The server answered with nothing.')
  }

  /** As `ask`, of what is answered with nothing. */
  async tell(method: string, path: string, parts: CallParts = {}): Promise<void> {
    dataOf(await this.#send(method, path, parts))
  }

  /** What stands in an answer, whatever its status. Throws as `ask`. */
  async read<Body>(path: string): Promise<Body> {
    return parseBody<Body>(await this.#send('GET', path, {}))
  }

  /** What is answered, where that is JSON by itself: as it is spelled. Throws as `ask`. */
  async text(path: string): Promise<string> {
    const reply = await this.#send('GET', path, {})
    if (reply.status >= 400) dataOf(reply)
    return reply.body
  }

  /** Where the server is that answers; undefined: nobody serves the data. */
  async serverUrl(): Promise<string | undefined> {
    return (await this.#open()).url
  }

  /** Lets go of the folder, until the next call. */
  async close(): Promise<void> {
    const api = this.#api
    this.#api = undefined
    await api?.close()
  }

  async #send(method: string, path: string, parts: CallParts): Promise<LocalReply> {
    const { query = {}, body, text = '' } = parts
    const api = await this.#open()
    return api.ask({
      method,
      path,
      query: new URLSearchParams(given(query)).toString(),
      body: body === undefined ? text : JSON.stringify(body),
    })
  }

  async #open(): Promise<Api> {
    this.#api ??= await open(this.#config)
    return this.#api
  }
}

/** A path whose `:names` are replaced, in their order. */
export function pathOf(pattern: string, ...names: readonly string[]): string {
  const waiting = [...names]
  return pattern.replace(/:\w+/g, () => encodeURIComponent(waiting.shift() ?? ''))
}

/** The lock says whether the folder is served, whatever files a killed server left. */
async function open(config: Config): Promise<Api> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const doors = await openIfFree(config)
    if (doors) return doors
    const server = readLocalServer(config.data)
    const link = server && new ServerLink(server)
    if (link && (await answers(link, deadline))) return withEngineOf(config, link)
    await link?.close()
    if (performance.now() >= deadline) throw new CommandError(unreachable(config, server?.url))
    await sleep(lookAgainMs)
  }
}

async function openIfFree(config: Config): Promise<Api | undefined> {
  try {
    return await openDoors(config, systemEnvironment())
  } catch (error) {
    if (error instanceof FolderInUseError) return undefined
    throw error
  }
}

/** Whether it is that server which listens there, and knows us. */
async function answers(link: ServerLink, deadline: number): Promise<boolean> {
  const question = { method: 'GET', path: '/coatcheck/v1/me', query: '', body: '' }
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())))
  try {
    const { status } = await link.ask(question, timeout)
    // What is wrong with a server that fails is said by its answer to the call itself.
    return status === 200 || status >= 500
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false
    throw error
  }
}

/** Who names an engine must not be answered from the data of another. Throws CommandError. */
async function withEngineOf(
  { data, engine, isEngineGiven }: Config,
  link: ServerLink,
): Promise<Api> {
  if (!isEngineGiven) return link
  const question = { method: 'GET', path: '/health', query: '', body: '' }
  const { engine: served } = parseBody<{ engine?: string }>(await link.ask(question))
  if (served === undefined || served === engine) return link
  await link.close()
  throw new CommandError(`${data} is the folder of a server with ${served}, not with ${engine}.`)
}

function unreachable({ data }: Config, url: string | undefined): string {
  const who = `The data folder ${data} is in use by another Coatcheck`
  if (url === undefined) return `${who} that takes no commands: it starts, stops or checks.`
  return `${who} that does not answer at ${url}: run this on the machine where it runs.`
}

function given(query: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  )
}

/** What every reply of the API is. */
interface Envelope<Data> {
  readonly data?: Data
  readonly error?: { readonly message: string }
}

/** Each command knows what its calls answer. Throws ApiError. */
function dataOf<Data>(reply: LocalReply): Data | undefined {
  const { data, error } = parseBody<Envelope<Data>>(reply)
  if (reply.status < 400) return data
  const message = error?.message ?? `The server answered with ${reply.status}`
  throw new ApiError(reply.status, /[.?!]$/.test(message) ? message : `${message}.`)
}

/** Each command knows what it asked for. Throws CommandError. */
function parseBody<Body>({ body }: LocalReply): Body {
  try {
    return JSON.parse(body === '' ? '{}' : body)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new CommandError(`The server answered with something else than JSON: ${body.trim()}`)
  }
}
