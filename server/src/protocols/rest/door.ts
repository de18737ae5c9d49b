import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import { isRefusedByEngine, StorageError } from '../../core/kernel/errors.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transport/exchange.ts'
import { callerToken } from '../http/caller-token.ts'
import { internalErrorReply, methodNotAllowed, RequestError, replyTo } from './errors.ts'
import { Query } from './query.ts'
import { preflightReply } from './replies.ts'
import {
  type FoundRoute,
  type Method,
  type RestCall,
  type RestHandler,
  type Route,
  RouteTable,
} from './routes.ts'

/** What is specific to one HTTP API. All else is the same for every API. */
export interface RestApi<Call, R extends Route<Call>> {
  readonly routes: readonly R[]
  /** The headers that each preflight allows, besides those that it names. */
  readonly allowedHeaders: string
  /** Makes the call for the handlers: adds the services that only this API has. */
  callOf(call: RestCall): Call
  /**
   * The route for a path without a route in the table. `segments` is the path, split at its
   * slashes. Throws StorageError or RequestError if there is a better answer than `pageNotFound`.
   */
  getOtherRoute?(segments: readonly string[]): R | undefined
  /** Whether `?method=` replaces the method of a GET. */
  readonly overridesMethod?: boolean
  /** True: the door authenticates nobody. A handler that needs the caller does it by itself. */
  readonly isOpen?: boolean
  /** Creates the error for a path without a route; the door throws it. */
  pageNotFound(path: string): RequestError
  /** Adds headers to every reply, also to errors. */
  addHeaders?(headers: HttpReply['headers'], about: About<R>): void
  /** The API's own replies to a refusal and to an unexpected failure, if it has some. */
  readonly refusalReply?: (error: StorageError | RequestError) => HttpReply
  readonly failureReply?: () => HttpReply
  /** The reply headers that pages of other origins may read; all of them by default. */
  readonly exposedHeaders?: string
}

/** What `addHeaders` is told about a reply. */
export interface About<R> {
  readonly request: HttpRequest
  readonly query: Query
  /** Undefined if the path has no route. */
  readonly route: R | undefined
  /** True if the reply refuses the request; false for an unexpected failure of the server. */
  readonly isRefusal: boolean
}

/** The door of one HTTP API: finds the route, authenticates the caller and replies. */
export function createRestDoor<Call, R extends Route<Call>>(
  domain: Domain,
  environment: Environment,
  api: RestApi<Call, R>,
): HttpHandler {
  const table = new RouteTable(api.routes)
  return async (request) => {
    const query = new Query(request.query)
    let route: R | undefined
    try {
      const found = table.get(request.path.split('/')) ?? findOtherRoute(request.path, api)
      route = found.route
      if (request.method === 'OPTIONS') return preflight(request, route, api)
      const handler = handlerOf(route, methodOf(request, query, api))
      const token = api.isOpen ? undefined : tokenOf(request, query)
      const authenticated = domain.access.authenticate(token, request)
      const principal = authenticated instanceof Promise ? await authenticated : authenticated
      if (principal.kind === 'user') request.countFor?.(principal.user.id)
      const { subject, key } = found
      const call = { domain, environment, request, principal, query, subject, key }
      const reply = await handler(api.callOf(call))
      return withCommonHeaders(reply, api, { request, query, route, isRefusal: false })
    } catch (error) {
      const isRefusal = error instanceof StorageError || error instanceof RequestError
      logIfOurs(error, request, environment)
      const reply = isRefusal ? refusalOf(error, api) : (api.failureReply ?? internalErrorReply)()
      return withCommonHeaders(reply, api, { request, query, route, isRefusal })
    }
  }
}

function refusalOf<Call, R extends Route<Call>>(
  error: StorageError | RequestError,
  { refusalReply = replyTo }: RestApi<Call, R>,
): HttpReply {
  return refusalReply(error)
}

/**
 * Logs failures that are not the client's mistake: the server's admin should know them. What the
 * engine refuses is logged elsewhere, once for all requests.
 */
function logIfOurs(error: unknown, { method, path }: HttpRequest, environment: Environment): void {
  if (!(error instanceof StorageError || error instanceof RequestError)) {
    environment.logError(`${method} ${path} failed`, error)
    return
  }
  if (isRefusedByEngine(error)) return
  const isDamaged = error instanceof StorageError && error.code === 'record-damaged'
  if (isDamaged || error.cause !== undefined) environment.logError(`${method} ${path}`, error)
}

function findOtherRoute<Call, R extends Route<Call>>(
  path: string,
  api: RestApi<Call, R>,
): FoundRoute<R> {
  const route = api.getOtherRoute?.(path.split('/'))
  if (route) return { route, subject: '', key: undefined }
  throw api.pageNotFound(path)
}

/** A GET may stand for another method: `?method=POST`. */
function methodOf(
  request: HttpRequest,
  query: Query,
  { overridesMethod }: { readonly overridesMethod?: boolean },
): string {
  if (request.method !== 'GET' || !overridesMethod) return request.method
  const method = query.text('method')?.toUpperCase() ?? 'GET'
  // The reply to a GET needs the body that its headers announce, so it never becomes a HEAD.
  return method === 'HEAD' ? 'GET' : method
}

function handlerOf<Call>({ methods }: Route<Call>, method: string): RestHandler<Call> {
  // A HEAD runs the handler of GET. The transport does not send its body.
  const handler = isMethod(method) ? (methods[method] ?? headOf(methods, method)) : undefined
  if (handler) return handler
  throw methodNotAllowed(Object.keys(methods))
}

function headOf<Call>(
  methods: Route<Call>['methods'],
  method: Method,
): RestHandler<Call> | undefined {
  return method === 'HEAD' ? methods.GET : undefined
}

function isMethod(method: string): method is Method {
  return ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'].includes(method)
}

/** See `callerToken`. */
export function tokenOf(request: HttpRequest, query: Query): string | undefined {
  return callerToken(request.header('authorization'), query.text('token'))
}

function preflight<Call, R extends Route<Call>>(
  request: HttpRequest,
  { methods }: R,
  { allowedHeaders: usualHeaders }: RestApi<Call, R>,
): HttpReply {
  return preflightReply(request, { methods: Object.keys(methods), usualHeaders })
}

/** Any page may read any reply and its headers: callers log in by token, never by cookie. */
function withCommonHeaders<Call, R extends Route<Call>>(
  reply: HttpReply,
  api: RestApi<Call, R>,
  about: About<R>,
): HttpReply {
  const { headers } = reply
  api.addHeaders?.(headers, about)
  // A cache would keep the reply together with its URL, and so with the token.
  if (about.query.given('token') !== undefined) headers['Cache-Control'] = 'no-store'
  headers['Access-Control-Allow-Origin'] = '*'
  if (about.request.header('origin') !== undefined) {
    headers['Access-Control-Expose-Headers'] = api.exposedHeaders ?? '*'
  }
  return reply
}
