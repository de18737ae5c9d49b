import { resolve } from 'node:path'
import { createOperatorSecret } from '../core/access/operator.ts'
import type { Domain, Watching } from '../core/domain.ts'
import type { Environment } from '../core/kernel/environment.ts'
import { isRefusedByEngine, reasonOf } from '../core/kernel/errors.ts'
import { limits } from '../core/kernel/limits.ts'
import { type Closer, opening } from '../installation/closers.ts'
import type { Config } from '../installation/config.ts'
import { type FirstStart, makeFirstUser } from '../installation/first-start.ts'
import { DataFolder, type LocalServer } from '../installation/folder/data-folder.ts'
import {
  assertInstalled,
  type EngineOpener,
  isInstalled,
  type OpenedData,
  openData,
  openFolderOfData,
} from '../installation/opened-data.ts'
import { StartError } from '../installation/start-error.ts'
import { readVersion } from '../installation/version.ts'
import { createApifyDoor } from '../protocols/apify/apify.ts'
import { createApplabDoor } from '../protocols/applab/applab.ts'
import { applabPrefix, pageScriptPath } from '../protocols/applab/routes.ts'
import { createHealthDoor, isHealthPath } from '../protocols/coatcheck/api/health.ts'
import { coatcheckPrefix, createCoatcheckDoor } from '../protocols/coatcheck/coatcheck.ts'
import { newProjectPath } from '../protocols/coatcheck/routes.ts'
import { JsonSchemas } from '../protocols/json/json-schema.ts'
import { watchedJsonOf } from '../protocols/json/json-value.ts'
import { createConsoleDoor, isConsolePath } from '../protocols/pages/console.ts'
import { createPlayDoor, isPlayPath, playPath } from '../protocols/pages/play.ts'
import { createWebFileDoor, forAnyOrigin } from '../protocols/pages/web-files.ts'
import { AllowedHosts, hostNameOf, isLoopback } from '../transport/allowed-hosts.ts'
import { OpenConnections } from '../transport/bounds/open-connections.ts'
import type { HttpHandler, HttpRequest } from '../transport/exchange.ts'
import { HttpListener } from '../transport/http/http.ts'
import { hostOf } from '../transport/incoming-request.ts'
import { TrustedProxies } from '../transport/proxies/trusted-proxies.ts'
import { replyToRefused, replyWhileStarting } from './early-replies.ts'
import { LocalDoors } from './local-doors.ts'
import { NemesisPort, nemesisPath } from './nemesis-port.ts'
import { readWebFile } from './web-files.ts'

/** A running server. */
export interface RunningServer {
  readonly url: string
  /** Undefined if the NemesisDB door has no port of its own. */
  readonly nemesisUrl: string | undefined
  readonly firstStart: FirstStart | undefined
  /** The URL of the page on which people try App Lab's functions. */
  readonly playUrl: string
  /** Finishes requests in flight, writes what is only in memory, and closes the folder. */
  close(): Promise<void>
}

/** Where most requests go: the paths of Apify's API. */
const apifyPrefix = '/v2/'

/** How long a starting server waits for a command that has the folder open. */
const commandMs = 1_000

/**
 * The composition root: the one place that knows engine, domain, doors and listeners. `open`
 * replaces the function that opens the engine.
 */
export async function startServer(
  config: Config,
  environment: Environment,
  { open }: { readonly open?: EngineOpener } = {},
): Promise<RunningServer> {
  if (config.mustExist) await assertInstalled(config, { patienceMs: commandMs })
  return opening(environment, async (closers, close) => {
    const folder = await openFolder(config)
    let hasUser = false
    closers.push(() => {
      try {
        if (!hasUser) folder?.removeMade()
      } finally {
        folder?.close()
      }
    })
    const gate = new Gate()
    const allowedHosts = allowedHostsOf(config)
    const proxies = proxiesOf(config)
    const isLocal = isLoopback(config.host)
    const parts = { config, environment, folder, isLoopback: isLocal }
    const connections = new OpenConnections(environment)
    const common = { config, environment, allowedHosts, proxies, connections }
    const nemesis = new NemesisPort({ ...common, isLoopback: isLocal })
    const listener = await listen(gate, { ...common, nemesis })
    const stopListening = async (): Promise<void> => {
      await Promise.all([nemesis.stop(), listener.stop()])
    }
    closers.push(stopListening) // if a later step fails
    const secret = createOperatorSecret(environment)
    const operator = folder && { secret, address: listener.address }
    const projectsAreOpen = isLocal
    const data = await openData(closers, {
      ...parts,
      operator,
      projectsAreOpen,
      watching,
      ...(open && { open }),
    })
    const { domain } = data
    const firstStart = await makeFirstUser(domain, parts)
    hasUser = true
    if (firstStart) tellOfNew(config, environment)
    closers.push(startSweeping(domain, environment))
    closers.push(startRechecking(domain, environment))
    closers.push(startWatchingClock(domain))
    const handler = openDoorsOf(data, { closers, config, environment })
    closers.push(stopListening) // runs first: requests need all that is closed after it
    nemesis.open(domain)
    gate.open(handler)
    // Comes last: a command that finds the file must get an answer.
    closers.push(() => folder?.removeLocalServer())
    if (folder) tellWhere(folder, { url: listener.localUrl, secret }, environment)
    const playUrl = (config.publicUrl ?? listener.localUrl) + playPath
    return { url: listener.url, nemesisUrl: nemesis.url, firstStart, playUrl, close }
  })
}

const watching: Watching = {
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
  jsonOf: watchedJsonOf,
}

/**
 * Says loudly that an installation was made: somebody may have expected another one there, on a
 * disk that is not mounted or behind a mistyped name.
 */
function tellOfNew(config: Config, environment: Environment): void {
  if (config.engine === 'memory') return
  environment.logError(
    `A NEW INSTALLATION was made in ${placeOf(config)}, since no data was there. If you expected ` +
      'data there, stop this server: is the place right, and is its disk mounted? ' +
      'With --must-exist a server refuses to make one.',
    undefined,
  )
}

/**
 * Opens data that no server has open, for the command line. Creates nothing; with `isReadOnly` it
 * writes nothing either. Throws StartError, DataFolderError (FolderInUseError if another process
 * has the folder open), EngineError.
 */
export async function openDoors(
  config: Config,
  environment: Environment,
  { isReadOnly = false } = {},
): Promise<LocalDoors> {
  if (config.engine === 'memory') {
    throw new StartError('The memory engine has no data folder that a command could open.')
  }
  return opening(environment, async (closers, close) => {
    const folder = await openFolderOfData(config, { isReadOnly })
    closers.push(() => folder?.close())
    const secret = createOperatorSecret(environment)
    const operator = { secret, address: '' }
    const projectsAreOpen = false // nobody knows where the server will listen
    const parts = { config, environment, folder, operator, projectsAreOpen, isReadOnly }
    // Asked first: opening an empty database makes its tables.
    if (config.engine === 'postgresql' && !(await isInstalled(config))) throw noUser(config)
    const data = await openData(closers, parts)
    if (!(await data.domain.users.hasAny())) throw noUser(config)
    const handler = openDoorsOf(data, { closers, config, environment })
    const baseUrl = config.publicUrl ?? `http://${hostOf(config.host)}:${config.port}`
    return new LocalDoors({ handler, secret, baseUrl, close })
  })
}

function noUser(config: Config): StartError {
  return new StartError(`There is no user in ${placeOf(config)} yet: start the server first.`)
}

function placeOf({ engine, data }: Config): string {
  return engine === 'postgresql' ? 'the database' : resolve(data)
}

/** Undefined for an engine that needs none. */
async function openFolder(config: Config): Promise<DataFolder | undefined> {
  const { engine, data, isInsecureFolderTaken: isInsecureTaken } = config
  if (engine === 'memory') return undefined
  return DataFolder.open(data, { patienceMs: commandMs, isInsecureTaken })
}

/** Writes where the server is. If that fails, the server works all the same. */
function tellWhere(folder: DataFolder, server: LocalServer, environment: Environment): void {
  try {
    folder.writeLocalServer(server)
  } catch (error) {
    environment.logError('Commands will not reach this server', error)
  }
}

function startSweeping({ sweeper }: Domain, environment: Environment): () => Promise<void> {
  let running: Promise<void> | undefined
  const sweep = (): void => {
    if (running) return
    running = sweeper
      .sweep()
      .catch((error) => logOwn(environment, 'Sweeping failed', error))
      .finally(() => {
        running = undefined
      })
  }
  // Sweeps at once too: a server that always stops before the interval ends would never sweep.
  sweep()
  const timer = setInterval(sweep, limits.sweepIntervalMs)
  return async () => {
    clearInterval(timer)
    await running
  }
}

/** Notices soon that the clock is wrong, so that the log says so at once. */
function startWatchingClock({ clock }: Domain): () => void {
  const timer = setInterval(() => clock.now(), limits.clockLookMs)
  return () => clearInterval(timer)
}

/** Ends open streams within a second after their right is revoked. */
function startRechecking({ liveUses }: Domain, environment: Environment): () => void {
  const recheck = (): void => {
    liveUses.recheck().catch((error) => logOwn(environment, 'Checking streams failed', error))
  }
  const timer = setInterval(recheck, limits.recheckIntervalMs)
  return () => clearInterval(timer)
}

/** Of what the engine refuses, the log has a line already. */
function logOwn(environment: Environment, message: string, error: unknown): void {
  if (!isRefusedByEngine(error)) environment.logError(message, error)
}

/** Answers requests that come before the doors are open. */
class Gate {
  #handler: HttpHandler = async (request) => replyWhileStarting(request)

  readonly handler: HttpHandler = (request) => this.#handler(request)

  open(handler: HttpHandler): void {
    this.#handler = handler
  }
}

async function listen(
  { handler }: Gate,
  { config, environment, nemesis, ...common }: ListenParts,
): Promise<HttpListener> {
  const { host, port, publicUrl } = config
  const logError = (message: string, cause: unknown): void => environment.logError(message, cause)
  const upgrades = (path: string): NemesisPort['handleUpgrade'] | undefined =>
    path === nemesisPath ? nemesis.handleUpgrade : undefined
  const options = { ...common, host, port, publicUrl, upgrades, handler, logError }
  const listener = new HttpListener({ ...options, refusalReply: replyToRefused })
  await listener.listen().catch((error) => {
    throw new StartError(`Can't listen on ${host}:${port}: ${whyNotListening(error)}.`, error)
  })
  await nemesis.listen().catch(async (error) => {
    await listener.stop()
    const where = `${host}:${config.nemesisPort} (the NemesisDB door)`
    throw new StartError(`Can't listen on ${where}: ${whyNotListening(error)}.`, error)
  })
  const localName = hostNameOf(listener.localUrl.slice('http://'.length))
  if (localName !== undefined) common.allowedHosts?.add(localName)
  return listener
}

interface ListenParts {
  readonly config: Config
  readonly environment: Environment
  readonly allowedHosts: AllowedHosts | undefined
  readonly proxies: TrustedProxies | undefined
  readonly connections: OpenConnections
  readonly nemesis: NemesisPort
}

/** Undefined if there are none. */
function proxiesOf({ trustedProxies }: Config): TrustedProxies | undefined {
  return trustedProxies.length > 0 ? new TrustedProxies(trustedProxies) : undefined
}

/**
 * Undefined if requests may name any host: that is so beyond loopback without `--allowed-hosts`.
 */
function allowedHostsOf({ host, publicUrl, allowedHosts }: Config): AllowedHosts | undefined {
  const takesLoopback = isLoopback(host)
  if (!takesLoopback && allowedHosts.length === 0) return undefined
  const own = [hostOf(host), ...(publicUrl === undefined ? [] : [new URL(publicUrl).host])]
  const names = own.map(hostNameOf).filter((name) => name !== undefined)
  return new AllowedHosts({ names: [...names, ...allowedHosts], takesLoopback })
}

/** Opens all doors. The handler passes each request to one of them, by its path. */
function openDoorsOf(
  { domain, health }: OpenedData,
  parts: { closers: Closer[]; config: Config; environment: Environment },
): HttpHandler {
  const { closers, config, environment } = parts
  const jsonSchemas = new JsonSchemas()
  closers.push(() => jsonSchemas.close())
  const apify = createApifyDoor(domain, environment, jsonSchemas)
  const own = createCoatcheckDoor(domain, environment)
  const applab = createApplabDoor(domain, environment, {
    pairsMax: config.applabPairsMax,
    autoCreate: config.applabAutoCreate,
  })
  const pageScript = createWebFileDoor(readWebFile('applab.js'), forAnyOrigin)
  const play = createPlayDoor(readWebFile)
  const consoleDoor = createConsoleDoor(readWebFile)
  const about = { engine: config.engine, version: readVersion() }
  const healthDoor = createHealthDoor({ domain, environment, health, ...about })
  return (request: HttpRequest) => {
    // Most requests: they need not be compared with all the paths below.
    if (request.path.startsWith(apifyPrefix)) return apify(request)
    if (isConsolePath(request.path)) return consoleDoor(request)
    if (isHealthPath(request.path)) return healthDoor(request)
    if (request.path.startsWith(applabPrefix)) return applab(request)
    if (request.path === pageScriptPath) return pageScript(request)
    if (isPlayPath(request.path)) return play(request)
    const isOwn = request.path.startsWith(coatcheckPrefix) || request.path === newProjectPath
    return isOwn ? own(request) : apify(request)
  }
}

function whyNotListening(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return 'something else listens there already'
  if (code === 'EACCES') return 'this user may not use that port'
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address'
  return reasonOf(error)
}
