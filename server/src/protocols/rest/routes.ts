import type { Principal } from '../../core/access/principal.ts'
import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import type { HttpReply, HttpRequest } from '../../transport/exchange.ts'
import { decodeSegment } from './path-segment.ts'
import type { Query } from './query.ts'

/** One call of an API, its caller known. */
export interface RestCall {
  readonly domain: Domain
  readonly environment: Environment
  readonly request: HttpRequest
  readonly principal: Principal
  readonly query: Query
  /** What the path names first, such as a store or a user, decoded once. '' where it names none. */
  readonly store: string
  /** The record's part of the path, decoded once. Undefined where it spells no text. */
  readonly key: string | undefined
}

export type RestHandler<Call> = (call: Call) => Promise<HttpReply>

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

export interface Route<Call> {
  /** `:key` and one other name, such as `:store` or `:user`, stand for one segment each. */
  readonly path: string
  readonly methods: Partial<Readonly<Record<Method, RestHandler<Call>>>>
}

/** A route, and what a path has at its two parameters. */
export interface FoundRoute<R> {
  readonly route: R
  readonly store: string
  readonly key: string | undefined
}

interface Entry<R> {
  readonly route: R
  readonly segments: readonly string[]
  /** Behind the last segment where there is none. */
  readonly storeAt: number
  readonly keyAt: number
}

/** The routes of an API, to be found by their paths. */
export class RouteTable<R extends { readonly path: string }> {
  readonly #byLength: ReadonlyMap<number, readonly Entry<R>[]>

  constructor(routes: readonly R[]) {
    this.#byLength = Map.groupBy(routes.map(entryOf), ({ segments }) => segments.length)
  }

  /**
   * The route of a path, which comes split at its slashes. An empty segment, by a slash at the end
   * or two in a row, is a segment too, but names nothing: of the parameters `:key` alone takes it.
   */
  get(segments: readonly string[]): FoundRoute<R> | undefined {
    const found = this.#byLength.get(segments.length)?.find((one) => fits(one.segments, segments))
    if (!found || segments[found.storeAt] === '') return undefined
    return {
      route: found.route,
      store: decodeSegment(segments[found.storeAt] ?? '') ?? '',
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
    storeAt: indexOr(segments.findIndex((one) => one.startsWith(':') && one !== ':key')),
    keyAt: indexOr(segments.indexOf(':key')),
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  // From behind, where routes of one length differ.
  for (let index = pattern.length - 1; index >= 0; index -= 1) {
    const expected = pattern[index] ?? ''
    if (expected !== segments[index] && !expected.startsWith(':')) return false
  }
  return true
}
