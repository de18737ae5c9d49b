import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { type CheckOptions, type CheckReport, check } from './core/check.ts'
import { type Domain, openDomain } from './core/domain.ts'
import type { StorageEngine } from './core/engine.ts'
import type { Environment } from './core/environment.ts'
import { limits } from './core/limits.ts'
import { createOperatorSecret, type OperatorSecret } from './core/operator.ts'
import { createToken } from './core/token-text.ts'
import { DataFolder, type LocalServer } from './data-folder.ts'
import { openEngine } from './engines/open.ts'
import { LocalDoors } from './local-doors.ts'
import { NemesisPort, nemesisPath } from './nemesis-port.ts'
import { createApifyDoor } from './protocols/apify/apify.ts'
import { coatcheckPrefix, createCoatcheckDoor } from './protocols/coatcheck/coatcheck.ts'
import { JsonSchemas } from './protocols/json-schema.ts'
import { AllowedHosts, hostNameOf } from './transport/allowed-hosts.ts'
import type { HttpHandler, HttpRequest } from './transport/exchange.ts'
import { HttpListener } from './transport/http.ts'
import { hostOf } from './transport/incoming-request.ts'
import { welcomePage } from './transport/welcome.ts'

/** What was made at a first start. */
export interface FirstStart {
  readonly token: string
  /** Where it can be read again; undefined: nowhere. */
  readonly file: string | undefined
}

/** A server that runs. */
export interface RunningServer {
  readonly url: string
  /** Undefined where the NemesisDB door has no port of its own. */
  readonly nemesisUrl: string | undefined
  readonly firstStart: FirstStart | undefined
  /** Finishes what is in flight, writes what is only in memory, and lets go of the folder. */
  close(): Promise<void>
}

const dayMs = 86_400_000
const lmdbFolder = 'lmdb'
const lmdbFile = 'data.mdb'
/** A command that has the folder when a server starts gets this long. */
const commandMs = 1_000
const initialTokenPattern = /^[\x21-\x7e]{32,}$/

/** The server can't start; the message is a sentence for the terminal. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StartError'
  }
}

/**
 * The composition root: the one place that knows engine, domain, doors and listeners. `open` opens
 * the engine in another way: tests have several servers share one.
 */
export async function startServer(
  config: Config,
  environment: Environment,
  { open }: { readonly open?: EngineOpener } = {},
): Promise<RunningServer> {
  return opening(environment, async (closers, close) => {
    const folder = await openFolder(config)
    closers.push(() => folder?.close())
    // Before anything is made in the folder: a first start whose port is taken leaves nothing
    // behind.
    const gate = new Gate()
    const allowedHosts = allowedHostsOf(config)
    const isLocal = isLoopback(config.host)
    const nemesis = new NemesisPort({ config, environment, allowedHosts, isLoopback: isLocal })
    const listener = await listen(gate, { config, environment, allowedHosts, nemesis })
    const stopListening = async (): Promise<void> => {
      await Promise.all([nemesis.stop(), listener.stop()])
    }
    closers.push(stopListening) // where a later step fails
    const secret = createOperatorSecret(environment)
    const operator = folder && { secret, address: listener.address }
    const domain = await openData(closers, { config, environment, folder, operator, open })
    const firstStart = await makeFirstUser(domain, { config, environment, folder })
    closers.push(startSweeping(domain, environment))
    closers.push(startRechecking(domain, environment))
    const handler = openDoorsOf(domain, { closers, environment })
    closers.push(stopListening) // before anything that requests need
    nemesis.open(domain)
    gate.open(handler)
    // The last: whoever finds it is answered.
    closers.push(() => folder?.removeLocalServer())
    if (folder) tellWhere(folder, { url: listener.localUrl, secret }, environment)
    return { url: listener.url, nemesisUrl: nemesis.url, firstStart, close }
  })
}

/**
 * Opens what is in a folder that nobody serves, for the command line; nothing is made there. Throws
 * StartError, DataFolderError (FolderInUseError where somebody serves it), EngineError.
 */
export async function openDoors(config: Config, environment: Environment): Promise<LocalDoors> {
  if (config.engine === 'memory') {
    throw new StartError('The memory engine keeps no folder that a command could look into.')
  }
  assertHasData(config)
  return opening(environment, async (closers, close) => {
    const folder = await DataFolder.open(config.data)
    closers.push(() => folder.close())
    const secret = createOperatorSecret(environment)
    const operator = { secret, address: '' }
    const domain = await openData(closers, { config, environment, folder, operator })
    if (!(await domain.users.hasAny())) {
      throw new StartError(`There is nobody in ${config.data} yet: start the server first.`)
    }
    const handler = openDoorsOf(domain, { closers, environment })
    const baseUrl = config.publicUrl ?? `http://${hostOf(config.host)}:${config.port}`
    return new LocalDoors({ handler, secret, baseUrl, close })
  })
}

/** Tests may have several servers share one. */
export type EngineOpener = (
  ...address: Parameters<typeof openEngine>
) => StorageEngine | Promise<StorageEngine>

type Closer = () => void | Promise<void>

/** What `open` has opened is closed in the opposite order: on demand, or where `open` fails. */
async function opening<Opened>(
  environment: Environment,
  open: (closers: Closer[], close: () => Promise<void>) => Promise<Opened>,
): Promise<Opened> {
  const closers: Closer[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer()
      } catch (error) {
        environment.logError('Closing failed', error)
      }
    }
  }
  try {
    return await open(closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

function assertHasData({ data }: Config): void {
  if (DataFolder.holds(data, join(lmdbFolder, lmdbFile))) return
  throw new StartError(`There is no data in ${data}.`)
}

/** Undefined for an engine that needs none. */
async function openFolder({ engine, data }: Config): Promise<DataFolder | undefined> {
  return engine === 'memory' ? undefined : DataFolder.open(data, { patienceMs: commandMs })
}

/** A server that can't say where it is serves all the same. */
function tellWhere(folder: DataFolder, server: LocalServer, environment: Environment): void {
  try {
    folder.writeLocalServer(server)
  } catch (error) {
    environment.logError('Commands will not reach this server', error)
  }
}

/**
 * Walks the data of a folder that nobody serves. Throws StartError, DataFolderError, EngineError
 * where that can't be.
 */
export async function checkData(config: Config, options: CheckOptions): Promise<CheckReport> {
  if (config.engine === 'memory') throw new StartError('The memory engine keeps nothing to check.')
  if (!existsSync(join(config.data, lmdbFolder))) {
    throw new StartError(`There is no data in ${config.data}.`)
  }
  const folder = await DataFolder.open(config.data)
  const engine = openEngine(config.engine, engineFolder(folder))
  try {
    return await check(engine, options)
  } finally {
    await engine.close()
    folder.close()
  }
}

async function openData(
  closers: Closer[],
  parts: {
    config: Config
    environment: Environment
    folder: DataFolder | undefined
    operator: OperatorSecret | undefined
    open?: EngineOpener | undefined
  },
): Promise<Domain> {
  const { config, environment, folder, operator, open = openEngine } = parts
  const engine = await open(config.engine, engineFolder(folder))
  closers.push(() => engine.close())
  const unnamedRetentionMs = config.unnamedRetentionDays * dayMs
  const domain = await openDomain(engine, environment, { unnamedRetentionMs, operator })
  closers.push(() => domain.close())
  return domain
}

function engineFolder(folder: DataFolder | undefined): string {
  return folder ? folder.openFolder(lmdbFolder) : ''
}

/**
 * An empty store gets its first user and a token. `COATCHECK_INITIAL_TOKEN` counts now and never
 * again; beyond loopback it must be given, so that nobody else finds the door open first.
 */
async function makeFirstUser(
  domain: Domain,
  parts: { config: Config; environment: Environment; folder: DataFolder | undefined },
): Promise<FirstStart | undefined> {
  const { config, environment, folder } = parts
  const { initialToken } = config
  if (await domain.users.hasAny()) {
    await warnOfOtherToken(domain, parts)
    return undefined
  }
  if (initialToken !== undefined && !initialTokenPattern.test(initialToken)) {
    throw new StartError('COATCHECK_INITIAL_TOKEN must be 32 or more visible ASCII characters.')
  }
  if (initialToken === undefined && !isLoopback(config.host)) {
    const where = `${config.host} can be reached from other machines`
    throw new StartError(`${where}: set COATCHECK_INITIAL_TOKEN for the first start.`)
  }
  const token = initialToken ?? createToken(environment)
  // The file comes first: whoever is cut off in between has no user yet, and starts for the first
  // time again. The other way round there would be a user whose token nobody knows.
  const file = folder?.writeFirstToken(token)
  await domain.users.createFirst(token)
  return { token, file }
}

async function warnOfOtherToken(
  domain: Domain,
  { config, environment }: { config: Config; environment: Environment },
): Promise<void> {
  if (config.initialToken === undefined) return
  if (await domain.tokens.findByText(config.initialToken)) return
  const message = 'COATCHECK_INITIAL_TOKEN is ignored: it counts on the first start only'
  environment.logError(message, undefined)
}

function startSweeping({ sweeper }: Domain, environment: Environment): () => Promise<void> {
  let running: Promise<void> | undefined
  const sweep = (): void => {
    if (running) return
    running = sweeper
      .sweep()
      .catch((error) => environment.logError('Sweeping failed', error))
      .finally(() => {
        running = undefined
      })
  }
  // At once as well: a server that never lives for an interval would never free anything.
  sweep()
  const timer = setInterval(sweep, limits.sweepIntervalMs)
  return async () => {
    clearInterval(timer)
    await running
  }
}

/** What lasts ends within a second of its right. */
function startRechecking({ liveUses }: Domain, environment: Environment): () => void {
  const recheck = (): void => {
    liveUses.recheck().catch((error) => environment.logError('Checking streams failed', error))
  }
  const timer = setInterval(recheck, limits.recheckIntervalMs)
  return () => clearInterval(timer)
}

/** Requests that come before the doors are open are told to try again. */
class Gate {
  #handler: HttpHandler = async () => ({
    status: 503,
    headers: { 'Retry-After': 1 },
    body: 'Coatcheck is starting.\n',
  })

  readonly handler: HttpHandler = (request) => this.#handler(request)

  open(handler: HttpHandler): void {
    this.#handler = handler
  }
}

async function listen(
  { handler }: Gate,
  { config, environment, allowedHosts, nemesis }: ListenParts,
): Promise<HttpListener> {
  const { host, port, publicUrl } = config
  const logError = (message: string, cause: unknown): void => environment.logError(message, cause)
  const upgrades = (path: string): NemesisPort['handleUpgrade'] | undefined =>
    path === nemesisPath ? nemesis.handleUpgrade : undefined
  const options = { host, port, publicUrl, allowedHosts, upgrades, handler, logError }
  const listener = new HttpListener(options)
  await listener.listen().catch((error) => {
    throw new StartError(`Can't listen on ${host}:${port}: ${whyNotListening(error)}.`, error)
  })
  await nemesis.listen().catch(async (error) => {
    await listener.stop()
    const where = `${host}:${config.nemesisPort} (the NemesisDB door)`
    throw new StartError(`Can't listen on ${where}: ${whyNotListening(error)}.`, error)
  })
  const localName = hostNameOf(listener.localUrl.slice('http://'.length))
  if (localName !== undefined) allowedHosts?.add(localName)
  return listener
}

interface ListenParts {
  readonly config: Config
  readonly environment: Environment
  readonly allowedHosts: AllowedHosts | undefined
  readonly nemesis: NemesisPort
}

/** Undefined where requests may name any host: beyond loopback, unless it is told otherwise. */
function allowedHostsOf({ host, publicUrl, allowedHosts }: Config): AllowedHosts | undefined {
  const takesLoopback = isLoopback(host)
  if (!takesLoopback && allowedHosts.length === 0) return undefined
  const own = [hostOf(host), ...(publicUrl === undefined ? [] : [new URL(publicUrl).host])]
  const names = own.map(hostNameOf).filter((name) => name !== undefined)
  return new AllowedHosts({ names: [...names, ...allowedHosts], takesLoopback })
}

/** Which door a path belongs to. */
function openDoorsOf(
  domain: Domain,
  { closers, environment }: { closers: Closer[]; environment: Environment },
): HttpHandler {
  const jsonSchemas = new JsonSchemas()
  closers.push(() => jsonSchemas.close())
  const apify = createApifyDoor(domain, environment, jsonSchemas)
  const own = createCoatcheckDoor(domain, environment)
  return (request: HttpRequest) => {
    if (request.path === '/') return Promise.resolve(welcomePage(request))
    return request.path.startsWith(coatcheckPrefix) ? own(request) : apify(request)
  }
}

function whyNotListening(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return 'something else listens there already'
  if (code === 'EACCES') return 'this user may not use that port'
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address'
  return error instanceof Error ? error.message : String(error)
}

/** The address that is listened on, never the peer's. */
function isLoopback(host: string): boolean {
  return /^localhost$/i.test(host) || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
