import { type Asked, errorTypeOf, Remote } from '../network/remote.ts'
import type { Meaning } from './rules.ts'
import type { Credentials, World } from './world.ts'

/** How an operation names its store; undefined if it is about no store. */
export type Address = 'id' | 'name' | undefined

/** The caller of an operation, and the store it is about. */
interface How {
  readonly world: World
  readonly caller: Credentials
  readonly address: Address
  readonly store?: string
}

/** An operation of a door. */
export interface Operation {
  /** The name in the door's own table; `variant` differs among operations of one name. */
  readonly endpoint: string
  readonly variant: string
  /** A column of the rules. */
  readonly kind: string
  readonly addresses: readonly Address[]
  readonly changes: boolean
  /** Runs the operation; returns the result in the words of the door. */
  ask(world: World, caller: Credentials, address: Address): Promise<string>
  /** The expected result in the words of the door. */
  spell(meaning: Meaning, address: Address): string
}

/** A request of an HTTP API, and the reply when it is allowed. */
export interface Row {
  /** `METHOD path`, as the table of routes has them. */
  readonly at: string
  readonly kind: string
  /** Such as `200`, or a status with an error type. */
  readonly ok: string
  readonly variant?: string
  /** Here the store can be named by its id only. */
  readonly onlyById?: true
  /** A text is sent unchanged, an object as JSON. */
  readonly body?: string | object | ((world: World) => object)
  readonly headers?: Readonly<Record<string, string>>
  /** `:key` in the path, or `key=` in the query. */
  readonly key?: string
  readonly query?: (world: World) => string
  /** Set if the method alone does not show whether the request changes data. */
  readonly changes?: boolean
}

/** Every endpoint of a table of routes. A route with GET also has HEAD. */
export function endpointsOf(
  routes: readonly { readonly path: string; readonly methods: object }[],
): string[] {
  return routes.flatMap(({ path, methods }) => {
    const names = Object.keys(methods)
    const all = names.includes('GET') ? new Set([...names, 'HEAD']) : new Set(names)
    return [...all].map((method) => `${method} ${path}`)
  })
}

/** The operations of an HTTP API that runs at `url`. */
export function httpOperations(rows: readonly Row[], url: () => string): Operation[] {
  return rows.map((row) => {
    const [method = ''] = row.at.split(' ')
    return {
      endpoint: row.at,
      variant: row.variant ?? '',
      kind: row.kind,
      addresses: addressesOf(row),
      changes: changesOf(row),
      ask: (world, caller, address) => ask(new Remote(url()), row, { world, caller, address }),
      spell: (meaning, address) => {
        // A channel id is like a name: who may not see the project does not learn that it exists.
        const by = row.at.includes(':channel') ? 'name' : address
        const answer = meaning === 'ok' ? row.ok : refusal(meaning, by)
        // The reply to a HEAD has no body, so it shows no error type.
        return method === 'HEAD' ? (answer.split(' ', 1)[0] ?? '') : answer
      },
    }
  })
}

/** Whether the request changes data when it is allowed. */
export function changesOf({ at, changes }: Row): boolean {
  return changes ?? !/^(GET|HEAD) /.test(at)
}

function addressesOf({ at, onlyById }: Row): readonly Address[] {
  if (!at.includes(':store')) return [undefined]
  return onlyById ? ['id'] : ['id', 'name']
}

function refusal(meaning: Exclude<Meaning, 'ok'>, address: Address): string {
  if (meaning === 'asked') return '401 token-not-provided'
  if (meaning === 'wrong') return '401 user-or-token-not-found'
  if (meaning === 'none') return '404 record-not-found'
  const isHidden = meaning === 'hidden' && address === 'name'
  return isHidden ? '404 record-not-found' : '403 insufficient-permissions'
}

async function ask(remote: Remote, row: Row, how: How): Promise<string> {
  const { path, asked } = requestOf(row, how)
  const reply = await remote.send(path, asked)
  return `${reply.status} ${errorTypeOf(reply)}`.trim()
}

/** The request that a caller sends. `store` replaces the world's own store. */
export function requestOf(
  { at, body, headers = {}, key, query }: Row,
  { world, caller, address, store }: How,
): { path: string; asked: Asked } {
  const [method = '', template = ''] = at.split(' ')
  const filled = template.replaceAll(/:\w+/g, (parameter) => {
    if (parameter === ':key') return key ?? ''
    return (parameter === ':store' && store) || world.fill(parameter, address ?? 'id')
  })
  const parameters = [
    query?.(world),
    caller.signature && `signature=${caller.signature}`,
    template.endsWith('/record') && `key=${key}`,
  ]
  const search = parameters.filter(Boolean).join('&')
  const content = typeof body === 'function' ? body(world) : body
  const sent = typeof content === 'string' ? { body: content } : { json: content }
  const path = `${filled}${search && `?${search}`}`
  return { path, asked: { method, token: caller.token, headers, ...sent } }
}
