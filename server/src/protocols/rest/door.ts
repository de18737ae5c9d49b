import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transport/exchange.ts'
import { callerToken } from '../http/caller-token.ts'
import { internalErrorReply, methodNotAllowed, RequestError, replyTo } from './errors.ts'
import { Query } from './query.ts'
import { emptyReply } from './replies.ts'
import {
  type FoundRoute,
  type Method,
  type RestCall,
  type RestHandler,
  type Route,
  RouteTable,
} from './routes.ts'

/** What makes an API of HTTP this one: all else is the same for each. */
export interface RestApi<Call, R extends Route<Call>> {
  readonly routes: readonly R[]
  /** The headers that pages of other origins may send, as `Access-Control-Allow-Headers` lists. */
  readonly allowedHeaders: string
  /** What the handlers are given: the call, with services that this API has besides. */
  callOf(call: RestCall): Call
  /**
   * The route of a path, split at its slashes, that none in the table fits. Throws StorageError or
   * RequestError where there is more to say than `pageNotFound`.
   */
  getOtherRoute?(segments: readonly string[]): R | undefined
  /** Whether `?method=` of a GET names another method. */
  readonly overridesMethod?: boolean
  /** Whether the handlers alone ask who is calling: for all others, it is nobody. */
  readonly isOpen?: boolean
  /** What is thrown where nothing is found. */
  pageNotFound(path: string): RequestError
  /** Adds to the headers that a reply has, whatever it says. */
  addHeaders?(headers: HttpReply['headers'], about: About<R>): void
  /** In its own words, where it has some: what answers a refusal, and what nobody expected. */
  readonly refusalReply?: (error: StorageError | RequestError) => HttpReply
  readonly failureReply?: () => HttpReply
  /** The headers that pages of other origins may read; all where it is left out. */
  readonly exposedHeaders?: string
}

/** What a reply is about. */
export interface About<R> {
  readonly request: HttpRequest
  /** Undefined where the path leads nowhere. */
  readonly route: R | undefined
  /** True where the reply says no: not to a failure of the server's own. */
  readonly isRefusal: boolean
}

/** A front door for one API of HTTP: `routes` says what it does, this how calls come and go. */
export function createRestDoor<Call, R extends Route<Call>>(
  domain: Domain,
  environment: Environment,
  api: RestApi<Call, R>,
): HttpHandler {
  const table = new RouteTable(api.routes)
  return async (request) => {
    let route: R | undefined
    try {
      const found = table.get(request.path.split('/')) ?? findOtherRoute(request.path, api)
      route = found.route
      if (request.method === 'OPTIONS') return preflight(route, api)
      const query = new Query(request.query)
      const handler = handlerOf(route, methodOf(request, query, api))
      const token = api.isOpen ? undefined : tokenOf(request, query)
      const authenticated = domain.access.authenticate(token, request)
      const principal = authenticated instanceof Promise ? await authenticated : authenticated
      const { store, key } = found
      const call = { domain, environment, request, principal, query, store, key }
      const reply = await handler(api.callOf(call))
      return withCommonHeaders(reply, api, { request, route, isRefusal: false })
    } catch (error) {
      const isRefusal = error instanceof StorageError || error instanceof RequestError
      logIfOurs(error, request, environment)
      const reply = isRefusal ? refusalOf(error, api) : (api.failureReply ?? internalErrorReply)()
      return withCommonHeaders(reply, api, { request, route, isRefusal })
    }
  }
}

function refusalOf<Call, R extends Route<Call>>(
  error: StorageError | RequestError,
  { refusalReply = replyTo }: RestApi<Call, R>,
): HttpReply {
  return refusalReply(error)
}

/** What the keeper of this server should know: it is not the client that got something wrong. */
function logIfOurs(error: unknown, { method, path }: HttpRequest, environment: Environment): void {
  if (!(error instanceof StorageError || error instanceof RequestError)) {
    environment.logError(`${method} ${path} failed`, error)
    return
  }
  const isDamaged = error instanceof StorageError && error.code === 'record-damaged'
  if (isDamaged || error.cause !== undefined) environment.logError(`${method} ${path}`, error)
}

function findOtherRoute<Call, R extends Route<Call>>(
  path: string,
  api: RestApi<Call, R>,
): FoundRoute<R> {
  const route = api.getOtherRoute?.(path.split('/'))
  if (route) return { route, store: '', key: undefined }
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
  // The reply to a GET has the body that its headers speak of.
  return method === 'HEAD' ? 'GET' : method
}

function handlerOf<Call>({ methods }: Route<Call>, method: string): RestHandler<Call> {
  // A HEAD is a GET whose body stays here: Node sends none.
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

/** Browsers ask first: any page may call, since the token and never a cookie says who is asking. */
function preflight<Call, R extends Route<Call>>(route: R, api: RestApi<Call, R>): HttpReply {
  return emptyReply(204, {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': ['OPTIONS', ...Object.keys(route.methods)].join(','),
    'Access-Control-Allow-Headers': api.allowedHeaders,
    'Access-Control-Max-Age': '86400',
  })
}

/** Any page may read any reply, and all its headers: the token says who is asking. */
function withCommonHeaders<Call, R extends Route<Call>>(
  reply: HttpReply,
  api: RestApi<Call, R>,
  about: About<R>,
): HttpReply {
  const { headers } = reply
  api.addHeaders?.(headers, about)
  headers['Access-Control-Allow-Origin'] = '*'
  if (about.request.header('origin') !== undefined) {
    headers['Access-Control-Expose-Headers'] = api.exposedHeaders ?? '*'
  }
  return reply
}
