import type { Principal } from '../../core/access/principal.ts'
import type { Domain } from '../../core/domain.ts'
import type { Awaitable } from '../../core/kernel/awaitable.ts'
import { addressGroup } from '../../core/kernel/bounds/address-group.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import type { HttpReply, HttpRequest } from '../../transport/exchange.ts'
import { decodeSegment } from '../http/path-segment.ts'
import type { Query } from './query.ts'

/** One authenticated call of an API. */
export interface RestCall {
  readonly domain: Domain
  readonly environment: Environment
  readonly request: HttpRequest
  readonly principal: Principal
  readonly query: Query
  /** The path's first parameter, such as a store or a user, decoded once. '' if there is none. */
  readonly subject: string
  /** The path's parameter `:key`, decoded once. Undefined if it can't be decoded. */
  readonly key: string | undefined
}

/**
 * Waits for a turn to do a piece of long work: in each turn of the event loop there is one, so that
 * others are served between. `units` says how much work it is, see `WorkTurns`.
 */
export function turnOf(call: RestCall, units?: number): Awaitable<void> {
  return call.domain.turns.next([ownerOf(call), 'http'], units)
}

/**
 * Whose share of a bound the work of a call takes: that of its user or, without a token, that of
 * its network address.
 */
export function ownerOf({ principal, request }: Pick<RestCall, 'principal' | 'request'>): string {
  return principal.kind === 'user' ? principal.user.id : addressGroup(request.peer)
}

export type RestHandler<Call> = (call: Call) => Promise<HttpReply>

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

export interface Route<Call> {
  /** `:key` and one other name, such as `:store` or `:user`, stand for one segment each. */
  readonly path: string
  readonly methods: Partial<Readonly<Record<Method, RestHandler<Call>>>>
}

/** A route, and the values of its two path parameters. */
export interface FoundRoute<R> {
  readonly route: R
  readonly subject: string
  readonly key: string | undefined
}

interface Entry<R> {
  readonly route: R
  readonly segments: readonly string[]
  /** The index of the parameter; the number of segments if there is none. */
  readonly subjectAt: number
  readonly keyAt: number
}

/** The routes of an API, found by path. */
export class RouteTable<R extends { readonly path: string }> {
  readonly #byLength: ReadonlyMap<number, readonly Entry<R>[]>

  constructor(routes: readonly R[]) {
    this.#byLength = Map.groupBy(routes.map(entryOf), ({ segments }) => segments.length)
  }

  /**
   * The route of a path, which is split at its slashes. A slash at the end, or two in a row, makes
   * an empty segment. Only the parameter `:key` may be empty.
   */
  get(segments: readonly string[]): FoundRoute<R> | undefined {
    const found = this.#byLength.get(segments.length)?.find((one) => fits(one.segments, segments))
    if (!found || segments[found.subjectAt] === '') return undefined
    return {
      route: found.route,
      subject: decodeSegment(segments[found.subjectAt] ?? '') ?? '',
      key: decodeSegment(segments[found.keyAt] ?? ''),
    }
  }
}

function entryOf<R extends { readonly path: string }>(route: R): Entry<R> {
  const segments = route.path.split('/')
  const indexOr = (index: number): number => (index < 0 ? segments.length : index)
  return {
    route,
    segments,
    subjectAt: indexOr(segments.findIndex((one) => one.startsWith(':') && one !== ':key')),
    keyAt: indexOr(segments.indexOf(':key')),
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  // Compares from the end, because there routes of the same length differ.
  for (let index = pattern.length - 1; index >= 0; index -= 1) {
    const expected = pattern[index] ?? ''
    if (expected !== segments[index] && !expected.startsWith(':')) return false
  }
  return true
}
