import { setTimeout as sleep } from 'node:timers/promises'
import type {
  LocalReply,
  LocalRequest,
  StreamedReply,
  StreamedRequest,
} from '../../composition/local-doors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { Config } from '../../installation/config.ts'
import { DataFolder, readLocalServer } from '../../installation/folder/data-folder.ts'
import { FolderInUseError } from '../../installation/folder/folder-errors.ts'
import { systemEnvironment } from '../system/system.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { ConnectionError, SilenceError } from './connection-errors.ts'
import { type ServerAddress, ServerLink } from './server-link.ts'

/** The query and the body of a call. */
export interface CallParts {
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
  /** Sent as JSON. */
  readonly body?: object
  /** JSON text, sent instead of `body`. */
  readonly text?: string
}

/** The API refused a call; the message is the API's sentence. */
export class ApiError extends CommandError {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
  }
}

interface Api {
  /** The server's URL; undefined: this process has the data open. */
  readonly url?: string
  ask(request: LocalRequest): Promise<LocalReply>
  stream(request: StreamedRequest): Promise<StreamedReply>
  close(): Promise<void>
}

/** How long to wait for another command, or for a server that starts or stops. */
const patienceMs = 5_000
const lookAgainMs = 50

/**
 * The API of a data folder, for users who may read the folder. The running server answers; without
 * a server, this process opens the data and answers itself.
 */
export class LocalApi {
  readonly #config: Config
  readonly #isReadOnly: boolean
  readonly #remote: ServerAddress | undefined
  readonly #needsServer: boolean
  #api: Api | undefined

  /**
   * `isReadOnly`: nothing is written to data that this process opens itself. `remote`: a server
   * that answers instead of the data folder. `needsServer`: this process never opens the data.
   */
  constructor(
    config: Config,
    {
      isReadOnly = false,
      remote,
      needsServer = false,
    }: {
      isReadOnly?: boolean
      remote?: ServerAddress | undefined
      needsServer?: boolean
    } = {},
  ) {
    this.#config = config
    this.#isReadOnly = isReadOnly
    this.#remote = remote
    this.#needsServer = needsServer
  }

  /** Whether a server answers that the user named, with the rights of a token. */
  get isRemote(): boolean {
    return this.#remote !== undefined
  }

  /**
   * Returns the `data` of the API's answer. Opens the folder if it is not open yet. Throws
   * ApiError, CommandError and what `openDoors` throws.
   */
  async ask<Data>(method: string, path: string, parts: CallParts = {}): Promise<Data> {
    const data = dataOf<Data>(await this.#send(method, path, parts))
    if (data !== undefined) return data
    throw new CommandError('The server sent an empty answer.')
  }

  /** As `ask`, for calls whose answer has no data. */
  async tell(method: string, path: string, parts: CallParts = {}): Promise<void> {
    dataOf(await this.#send(method, path, parts))
  }

  /** Returns the body of an answer, whatever its status. Throws as `ask`. */
  async read<Body>(path: string): Promise<Body> {
    return parseBody<Body>(await this.#send('GET', path, {}))
  }

  /** Returns the text of an answer that is JSON without an envelope. Throws as `ask`. */
  async text(path: string): Promise<string> {
    const reply = await this.#send('GET', path, {})
    if (reply.status >= 400) dataOf(reply)
    return reply.body
  }

  /** Sends a request whose value is streamed. Throws ApiError for a refusal, and as `ask`. */
  async stream(request: StreamedRequest): Promise<StreamedReply> {
    const reply = await (await this.#open()).stream(request)
    if (reply.status < 400) return reply
    dataOf({ status: reply.status, body: (await wholeOf(reply, 'The answer')).toString('utf8') })
    return reply
  }

  /** The URL of the server that answers; undefined: this process opened the data. */
  async serverUrl(): Promise<string | undefined> {
    return (await this.#open()).url
  }

  /** Closes the folder until the next call. */
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
    this.#api ??= this.#remote
      ? new ServerLink(this.#remote)
      : await open(this.#config, {
          isReadOnly: this.#isReadOnly,
          needsServer: this.#needsServer,
        })
    return this.#api
  }
}

/**
 * Reads a body as a whole. Throws CommandError for one that is too long: `what` names it, and
 * `advice` ends the sentence.
 */
export async function wholeOf(
  { body }: { readonly body: AsyncIterable<Uint8Array> },
  what: string,
  advice = '',
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body) {
    length += part.length
    if (length > limits.commandValueBytesMax) {
      throw new CommandError(
        `${what} is longer than ${limits.commandValueBytesMax} bytes${advice}.`,
      )
    }
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Fills in the `:names` of a path, in their order, percent-encoded. */
export function pathOf(pattern: string, ...names: readonly string[]): string {
  const waiting = [...names]
  return pattern.replace(/:\w+/g, () => encodeURIComponent(waiting.shift() ?? ''))
}

/** Asks the lock whether a server has the folder: a killed server may have left its file behind. */
async function open(
  config: Config,
  options: { isReadOnly: boolean; needsServer: boolean },
): Promise<Api> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const doors = options.needsServer ? undefined : await openIfFree(config, options)
    if (doors) return doors
    const server = readLocalServer(config.data)
    const link = server && new ServerLink(server)
    if (link && (await answers(link, deadline))) return withEngineOf(config, link)
    await link?.close()
    if (performance.now() >= deadline) {
      const isServed = !options.needsServer || (await DataFolder.isInUse(config.data))
      throw new CommandError(isServed ? unreachable(config, server?.url) : noServer(config))
    }
    await sleep(lookAgainMs)
  }
}

async function openIfFree(
  config: Config,
  options: { isReadOnly: boolean },
): Promise<Api | undefined> {
  if (config.engine !== 'memory' && (await DataFolder.isInUse(config.data))) return undefined
  // Loaded only where no server runs: a command that asks a server starts in a third of the time.
  const { openDoors } = await import('../../composition/server.ts')
  try {
    return await openDoors(config, systemEnvironment(), options)
  } catch (error) {
    if (error instanceof FolderInUseError) return undefined
    throw error
  }
}

/** Whether the server of this folder listens there, and accepts our secret. */
async function answers(link: ServerLink, deadline: number): Promise<boolean> {
  const question = { method: 'GET', path: '/coatcheck/v1/me', query: '', body: '' }
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())))
  try {
    const { status } = await link.ask(question, timeout)
    // A failing server says what is wrong in its answer to the call that follows.
    return status === 200 || status >= 500
  } catch (error) {
    if (error instanceof ConnectionError || error instanceof SilenceError) return false
    throw error
  }
}

/**
 * Refuses a server with another engine than the user named: it has other data. Throws CommandError.
 */
async function withEngineOf(
  { data, engine, isEngineGiven }: Config,
  link: ServerLink,
): Promise<Api> {
  if (!isEngineGiven) return link
  const question = { method: 'GET', path: '/health', query: '', body: '' }
  const { engine: served } = parseBody<{ engine?: string }>(await link.ask(question))
  if (served === undefined || served === engine) return link
  await link.close()
  throw new CommandError(`The server of ${data} has the engine ${served}, not ${engine}.`)
}

function noServer({ data }: Config): string {
  return `No server has the data folder ${data} open: start coatcheck serve.`
}

function unreachable({ data }: Config, url: string | undefined): string {
  const who = `The data folder ${data} is in use by another Coatcheck`
  if (url === undefined)
    return `${who} that takes no commands: it is starting, stopping or checking.`
  return `${who} that does not answer at ${url}: run this command on the server's machine.`
}

function given(query: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  )
}

/** The shape of every reply of the API. */
interface Envelope<Data> {
  readonly data?: Data
  readonly error?: { readonly message: string }
}

/** Returns the `data` of a reply, whose type the caller knows. Throws ApiError. */
function dataOf<Data>(reply: LocalReply): Data | undefined {
  const { data, error } = parseBody<Envelope<Data>>(reply)
  if (reply.status < 400) return data
  const message = error?.message ?? `The server answered with ${reply.status}`
  throw new ApiError(reply.status, /[.?!]$/.test(message) ? message : `${message}.`)
}

/** Parses a body, whose type the caller knows. Throws CommandError. */
function parseBody<Body>({ body }: LocalReply): Body {
  try {
    return JSON.parse(body === '' ? '{}' : body)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new CommandError(`The server sent an answer that is not JSON: ${body.trim()}`)
  }
}
