import type { Domain } from '../../../core/domain.ts'
import type { Environment } from '../../../core/kernel/environment.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import type { Health, HealthReport } from '../../../core/upkeep/health.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../../transport/exchange.ts'
import { createRestDoor, tokenOf } from '../../rest/door.ts'
import { isTryAgain } from '../../rest/errors.ts'
import { jsonReply } from '../../rest/replies.ts'
import type { RestCall, Route } from '../../rest/routes.ts'
import { pageNotFound } from './errors.ts'

interface HealthCall extends RestCall {
  readonly health: Health
  /** The engine's name in the settings. */
  readonly engine: string
  readonly version: string
}

type HealthParts = Pick<HealthCall, 'health' | 'engine' | 'version'> & {
  readonly domain: Domain
  readonly environment: Environment
}

/** These paths have no `/v1`, because monitoring tools expect them without. */
export const healthRoutes: readonly Route<HealthCall>[] = [
  { path: '/health', methods: { GET: getHealth } },
  { path: '/health/live', methods: { GET: getLive } },
  { path: '/health/ready', methods: { GET: getReady } },
]

export function isHealthPath(path: string): boolean {
  return path === '/health' || path.startsWith('/health/')
}

/** The door for monitoring tools: whether this server lives and serves. */
export function createHealthDoor({ domain, environment, ...parts }: HealthParts): HttpHandler {
  return createRestDoor<HealthCall, Route<HealthCall>>(domain, environment, {
    routes: healthRoutes,
    allowedHeaders: 'Authorization',
    isOpen: true,
    callOf: (call) => ({ ...call, ...parts }),
    pageNotFound,
    addHeaders: (headers) => {
      headers['Cache-Control'] = 'no-store'
    },
  })
}

/** The reply of a server that lives, but does not serve yet. */
export function startingReply({ path }: Pick<HttpRequest, 'path'>): HttpReply {
  if (path === '/health/live') return liveReply()
  if (path === '/health/ready') return readyReply(false)
  return reply(503, { status: 'starting', ready: false, whyNot: 'Coatcheck is starting.' })
}

/**
 * GET /health: 200 if the server serves, 503 if it does not. Only admins get the version and the
 * engine's own texts, which may name machines.
 */
async function getHealth(call: HealthCall): Promise<HttpReply> {
  const [keeper, report] = await Promise.all([keeperOf(call), call.health.report()])
  const isKeeper = keeper === 'yes'
  const { status, problems, details, clockSkewMs, engine } = report
  const isReady = status !== 'unavailable'
  return reply(isReady ? 200 : 503, {
    status,
    ready: isReady,
    whyNot: whyNotOf(report, keeper),
    engine: call.engine,
    durability: engine.durability,
    clockSkewMs: clockSkewMs ?? null,
    notes: isKeeper ? [...problems, ...details, ...engine.notes] : problems,
    ...(isKeeper && { version: call.version }),
  })
}

/** GET /health/live: 200 even if the storage fails, because a restart would not help then. */
async function getLive(): Promise<HttpReply> {
  return liveReply()
}

/** GET /health/ready: 200 if requests may be sent to this server, 503 if not. */
async function getReady({ health }: HealthCall): Promise<HttpReply> {
  return readyReply((await health.report()).status !== 'unavailable')
}

/** Whether the caller manages this server. `unknown`: the storage that could tell fails. */
type Keeper = 'yes' | 'no' | 'unknown'

/** A caller who can't be looked up, because the storage fails, is treated as a stranger. */
async function keeperOf({ domain, request, query }: HealthCall): Promise<Keeper> {
  try {
    return (await domain.access.isKeeper(tokenOf(request, query), request)) ? 'yes' : 'no'
  } catch (error) {
    if (error instanceof StorageError && isTryAgain(error)) return 'unknown'
    throw error
  }
}

function whyNotOf({ engine }: HealthReport, keeper: Keeper): string | null {
  if (engine.whyNot === undefined) return null
  if (keeper === 'yes') return engine.whyNot
  const what = 'The storage is not available now'
  if (keeper === 'no') return `${what}; admins can see the reason.`
  return `${what}, so this token can't be checked. On the server, "coatcheck status" tells why.`
}

function liveReply(): HttpReply {
  return reply(200, { live: true })
}

function readyReply(isReady: boolean): HttpReply {
  return reply(isReady ? 200 : 503, { ready: isReady })
}

function reply(status: number, body: object): HttpReply {
  return jsonReply(status, body, status === 503 ? { 'Retry-After': '1' } : {})
}
