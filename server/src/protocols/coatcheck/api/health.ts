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
  /** As the settings name it. */
  readonly engine: string
  readonly version: string
}

type HealthParts = Pick<HealthCall, 'health' | 'engine' | 'version'> & {
  readonly domain: Domain
  readonly environment: Environment
}

/** Paths that need no `/v1`: those who watch servers look there. */
export const healthRoutes: readonly Route<HealthCall>[] = [
  { path: '/health', methods: { GET: getHealth } },
  { path: '/health/live', methods: { GET: getLive } },
  { path: '/health/ready', methods: { GET: getReady } },
]

export function isHealthPath(path: string): boolean {
  return path === '/health' || path.startsWith('/health/')
}

/** Whether this server lives and serves, for whoever watches it. */
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

/** What a server answers that lives, but does not serve yet. */
export function startingReply({ path }: Pick<HttpRequest, 'path'>): HttpReply {
  if (path === '/health/live') return liveReply()
  if (path === '/health/ready') return readyReply(false)
  return reply(503, { status: 'starting', ready: false, whyNot: 'Coatcheck is starting.' })
}

/**
 * GET /health: 200 where it serves, 503 where it does not. The engine's own words, which may name
 * machines, and the version are for admins.
 */
async function getHealth(call: HealthCall): Promise<HttpReply> {
  const isKeeper = await isKept(call)
  const report = await call.health.report()
  const { status, problems, clockSkewMs, engine } = report
  const isReady = status !== 'unavailable'
  return reply(isReady ? 200 : 503, {
    status,
    ready: isReady,
    whyNot: whyNotOf(report, { isKeeper }),
    engine: call.engine,
    durability: engine.durability,
    clockSkewMs: clockSkewMs ?? null,
    notes: isKeeper ? [...problems, ...engine.notes] : problems,
    ...(isKeeper && { version: call.version }),
  })
}

/** GET /health/live: as long as it answers; a restart would not help whom the storage fails. */
async function getLive(): Promise<HttpReply> {
  return liveReply()
}

/** GET /health/ready: 200 where requests may be sent to it, 503 where not. */
async function getReady({ health }: HealthCall): Promise<HttpReply> {
  return readyReply((await health.report()).status !== 'unavailable')
}

/** Whoever can't be looked up, since the storage fails, is a stranger. */
async function isKept({ domain, request, query }: HealthCall): Promise<boolean> {
  try {
    return await domain.access.isKeeper(tokenOf(request, query), request)
  } catch (error) {
    if (error instanceof StorageError && isTryAgain(error)) return false
    throw error
  }
}

function whyNotOf({ engine }: HealthReport, { isKeeper }: { isKeeper: boolean }): string | null {
  if (engine.whyNot === undefined) return null
  return isKeeper ? engine.whyNot : 'The storage can not be used now; admins are told why.'
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
