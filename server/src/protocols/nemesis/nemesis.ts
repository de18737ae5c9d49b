import type { Principal, UserPrincipal } from '../../core/access/principal.ts'
import type { Caller } from '../../core/identity/caller.ts'
import { storeNotFound } from '../../core/identity/store-reader.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import type { Action } from '../../core/people/scope.ts'
import type {
  SocketControl,
  SocketDoor,
  SocketSession,
  UpgradeRefusal,
  UpgradeRequest,
} from '../../transport/socket-exchange.ts'
import { callerToken } from '../http/caller-token.ts'
import { type Client, LookupQueue, type Services } from './call/call.ts'
import { NemesisConnection } from './connection.ts'
import { ConnectionWatches } from './watching/connection-watches.ts'

export interface NemesisOptions extends Services {
  /**
   * Whether a request with this `Host` comes from this machine, unless a proxy forwarded it: true
   * only on a server that no setting makes public.
   */
  takesLocalHost(host: string | undefined): boolean
}

const policyViolation = 1008

/**
 * NemesisDB's protocol: JSON commands over a WebSocket. On loopback, a connection without an API
 * token acts as the first user, unless it comes from a web page of another origin or through a
 * proxy, names another host, or the server is public.
 */
export function createNemesisDoor(options: NemesisOptions): SocketDoor {
  return {
    accept: async (request, control) => {
      try {
        const principal = await principalOf(request, options)
        return 'status' in principal ? principal : connect(principal, { request, control, options })
      } catch (error) {
        if (error instanceof StorageError) return refusalOf(error)
        throw error
      }
    },
  }
}

async function principalOf(
  request: UpgradeRequest,
  { domain, takesLocalHost }: NemesisOptions,
): Promise<UserPrincipal | UpgradeRefusal> {
  const principal: Principal = await domain.access.authenticate(tokenOf(request), request)
  if (principal.kind === 'user') return principal
  // An Authorization header of another scheme is meant for a proxy: the client may be remote.
  const isBehindProxy = request.isForwarded || request.header('authorization') !== undefined
  if (isBehindProxy || !takesLocalHost(request.header('host'))) {
    return {
      status: 401,
      message: 'This connection needs an API token: Authorization: Bearer, or ?token=.',
    }
  }
  if (isForeignPage(request)) {
    return { status: 403, message: 'A web page of another origin needs an API token: ?token=.' }
  }
  return domain.access.localPrincipal()
}

function tokenOf(request: UpgradeRequest): string | undefined {
  const query = new URLSearchParams(request.query)
  return callerToken(request.header('authorization'), query.get('token') ?? undefined)
}

/** Browsers send the origin of the page that connects; programs do not. */
function isForeignPage(request: UpgradeRequest): boolean {
  const { origin } = request
  if (origin === undefined) return false
  return !URL.canParse(origin) || new URL(origin).host !== request.header('host')?.toLowerCase()
}

function connect(
  principal: UserPrincipal,
  parts: { request: UpgradeRequest; control: SocketControl; options: NemesisOptions },
): SocketSession {
  const { request, control, options } = parts
  const { access, liveUses } = options.domain
  const use = liveUses.begin(() => access.assertValid(principal))
  const end = (): void => control.close(policyViolation, 'The API token is no longer valid.')
  use.signal.addEventListener('abort', end, { once: true })
  const watches = new ConnectionWatches((texts) => control.push(texts), options.environment)
  const callerFor = (action: Action): Caller =>
    withinScope(principal, access.callerFor(principal, 'nemesis', { action, extent: 'some' }))
  const client: Client = {
    principal,
    peer: request.peer,
    line: options.domain.turns.openLine(principal.user.id),
    watches,
    lookups: new LookupQueue(),
    callers: { read: callerFor('read'), write: callerFor('write'), manage: callerFor('manage') },
  }
  return new NemesisConnection(options, client, () => {
    use[Symbol.dispose]()
    watches.close()
  })
}

/**
 * Stores outside the scope of the API token are answered like missing ones: the session token may
 * be a guess.
 */
function withinScope({ scope }: UserPrincipal, caller: Caller): Caller {
  const { storeId } = scope
  if (storeId === undefined) return caller
  return {
    ...caller,
    assert: (store, ownerAccess) => {
      if (store.id !== storeId) throw storeNotFound(store.id)
      caller.assert(store, ownerAccess)
    },
  }
}

function refusalOf({ code, message }: StorageError): UpgradeRefusal {
  if (code === 'too-many-guesses') return { status: 429, message, headers: { 'Retry-After': '60' } }
  const isStorage = ['storage-unavailable', 'store-busy', 'outcome-unknown'].includes(code)
  return isStorage
    ? { status: 503, message, headers: { 'Retry-After': '1' } }
    : { status: 401, message }
}
