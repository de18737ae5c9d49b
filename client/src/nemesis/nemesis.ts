/// <reference lib="esnext.disposable" preserve="true" />

import { printJson } from '../json/json.ts'
import { type Members, membersOf } from '../json/json-members.ts'
import type { NemesisConnectionError, NemesisError } from './answers/errors.ts'
import { assertStatus, refusalOf, tokenOf } from './answers/refusal.ts'
import { status, statusName } from './answers/statuses.ts'
import { Connection } from './link/connection.ts'
import { type ConnectionEvent, usualBounds } from './link/connection-options.ts'
import { usualPace } from './link/reconnection.ts'
import type { WebSocketConstructor } from './link/socket.ts'
import { listOf } from './list.ts'
import { NemesisSession } from './session.ts'
import { tokenText } from './token.ts'

export interface ConnectOptions {
  /** A Coatcheck API token; sent as `?token=`. */
  readonly token?: string
  /** Replaces the global WebSocket, for example by that of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor
  /** Stops the attempt to connect. Has no effect once there is a connection. */
  readonly signal?: AbortSignal
  /**
   * Whether a lost connection is made again. Commands in flight are rejected all the same; calls
   * made meanwhile wait. False by default.
   */
  readonly reconnect?: boolean
  /** Further attempts for the first connection, with growing delays: 0 by default, or Infinity. */
  readonly connectRetries?: number
  /** How long one attempt to connect may take; 10,000 ms by default. */
  readonly connectTimeoutMs?: number
  /**
   * How long a command waits for its answer; 60,000 ms by default. It is rejected then; `outcome`
   * says whether it was sent.
   */
  readonly commandTimeoutMs?: number
  /**
   * After this time without a message the connection counts as lost; 30,000 ms by default. Half-way
   * the client asks the server for a sign of life.
   */
  readonly silenceMs?: number
  /** How many commands may wait for the connection or for answers; 100,000 by default. */
  readonly waitingMax?: number
  /** How many characters may wait to be sent; 67,108,864 by default. */
  readonly unsentMax?: number
  /** Called when the connection opens, is lost, or is closed, and when an attempt has failed. */
  readonly onConnection?: (event: ConnectionEvent) => void
  /**
   * Called about quiet commands: if one is refused, if `addQuietly` finds keys that exist, or if
   * the connection ends while quiet commands may be in flight. Without it, these errors are
   * ignored.
   */
  readonly onQuietError?: (error: NemesisError | NemesisConnectionError) => void
}

export interface NewSessionOptions {
  /** Whether others may open it by its name. */
  readonly shared?: boolean
  readonly expiry?: {
    /** Counted from the last command; 0: it never expires. */
    readonly seconds: number
    /** Whether the session itself is deleted then; if not, its values are. */
    readonly deleteSession: boolean
  }
}

export interface Saved {
  readonly name: string
  readonly durationMs: number
}

export interface Loaded {
  readonly sessions: number
  readonly keys: number
  /**
   * 141 `LoadComplete`, 142 `LoadError`, or 143 `LoadDuplicate`: some sessions existed, and stay.
   */
  readonly status: number
  readonly statusName: string
  readonly message: string
}

export interface ServerInfo {
  readonly serverVersion: string
  readonly persistEnabled: boolean
}

const yes = [status.Ok]

/**
 * A client of NemesisDB's protocol (0.4) over one WebSocket. Commands are sent at once, in the
 * order of the calls, without waiting for one another. Methods reject as those of NemesisSession
 * do.
 */
export class NemesisClient {
  readonly #connection: Connection

  private constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Rejects with NemesisConnectionError, SyntaxError for a bad address, or `signal.reason`. */
  static async connect(url: string | URL, options: ConnectOptions = {}): Promise<NemesisClient> {
    const { token, signal, reconnect = false, onQuietError, onConnection, ...bounds } = options
    const address = new URL(url)
    if (token !== undefined) address.searchParams.set('token', token)
    const connection = await Connection.open({
      url: address,
      WebSocket: options.WebSocket ?? globalWebSocket(),
      signal,
      pace: reconnect ? usualPace : undefined,
      bounds: { ...usualBounds, ...bounds },
      onQuietError: onQuietError ?? (() => undefined),
      onConnection: onConnection ?? (() => undefined),
    })
    return new NemesisClient(connection)
  }

  /** Rejects with 103 `SessionNewFail` if there is a shared session of that name. */
  async createSession(
    name: string,
    { shared = false, expiry }: NewSessionOptions = {},
  ): Promise<NemesisSession> {
    const { seconds: duration, deleteSession } = expiry ?? {}
    const parameters = { name, shared, ...(expiry && { expiry: { duration, deleteSession } }) }
    return this.#sessionOf('SH_NEW', await this.#ask('SH_NEW', printJson(parameters)))
  }

  /** Rejects with 102 `SessionOpenFail` if there is no shared session of that name. */
  async openSession(name: string): Promise<NemesisSession> {
    return this.#sessionOf('SH_OPEN', await this.#ask('SH_OPEN', printJson({ name })))
  }

  /** A session by its token; sends nothing. Throws as `tokenText`. */
  session(token: bigint | string): NemesisSession {
    return new NemesisSession(this.#connection, token)
  }

  /** Ends all sessions of the connection's user; returns how many. */
  async endAllSessions(): Promise<number> {
    const answer = await this.#ask('SH_END_ALL')
    assertStatus('SH_END_ALL', answer, yes)
    return Number(answer.get('cnt'))
  }

  /** How many sessions the connection's user has, and how many keys are in them. */
  async infoAll(): Promise<{ sessions: number; keys: number }> {
    const answer = await this.#ask('SH_INFO_ALL')
    assertStatus('SH_INFO_ALL', answer, yes)
    return {
      sessions: Number(answer.get('totalSessions')),
      keys: Number(answer.get('totalKeys')),
    }
  }

  /** Whether there are sessions with these tokens. */
  async exists(tokens: bigint | string | Iterable<bigint | string>): Promise<Map<bigint, boolean>> {
    const wanted = listOf(tokens).map(tokenText)
    const answer = await this.#ask('SH_EXISTS', `{"tkns":[${wanted}]}`)
    assertStatus('SH_EXISTS', answer, yes)
    const found = membersOf(answer.get('tkns') ?? '{}')
    return new Map(wanted.map((token) => [BigInt(token), found.get(token) === 'true']))
  }

  /** Saves all sessions, or only these, on the server's disk; resolves when that is done. */
  async save(name: string, tokens?: bigint | string | Iterable<bigint | string>): Promise<Saved> {
    const only = tokens === undefined ? '' : `,"tkns":[${listOf(tokens).map(tokenText)}]`
    const answer = await this.#connection.ask(
      'SH_SAVE',
      `{"name":${printJson(name)}${only}}`,
      (part) => Number(part.get('st')) === status.SaveStart,
    )
    assertStatus('SH_SAVE', answer, [status.SaveComplete])
    return { name, durationMs: Number(answer.get('duration') ?? 0) }
  }

  /**
   * Loads what was saved under these names. Rejects with 142 `LoadError` if a name does not exist.
   */
  async load(names: string | Iterable<string>): Promise<Map<string, Loaded>> {
    const wanted = listOf(names)
    // NemesisDB's answer to that does not say which command it is for.
    if (wanted.length === 0) return new Map()
    const answer = await this.#ask('SH_LOAD', `{"names":${printJson(wanted)}}`)
    // A saved name may be `st`: its result is an object, while the status of a refusal is a number.
    if (answer.get('st')?.startsWith('{') === false) throw refusalOf('SH_LOAD', answer)
    return new Map([...answer].map(([name, json]) => [name, loadedOf(json)]))
  }

  /** Only for servers that follow NemesisDB 0.9. Others: rejects with 10 `CommandNotExist`. */
  async serverInfo(): Promise<ServerInfo> {
    const answer = await this.#ask('SV_INFO')
    assertStatus('SV_INFO', answer, yes)
    return {
      serverVersion: JSON.parse(answer.get('serverVersion') ?? '""'),
      persistEnabled: answer.get('persistEnabled') === 'true',
    }
  }

  /** Resolves when all earlier calls are done, quiet commands too. */
  flush(): Promise<void> {
    return this.#connection.flush()
  }

  /** Closes the connection once all sent commands are done. Later calls are rejected. */
  close(): Promise<void> {
    return this.#connection.close()
  }

  /** For `await using client = ...`: the same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #ask(command: string, parameters = '{}'): Promise<Members> {
    return this.#connection.ask(command, parameters)
  }

  #sessionOf(command: string, answer: Members): NemesisSession {
    assertStatus(command, answer, yes)
    const token = tokenOf(answer.get('tkn'))
    if (token === undefined) throw refusalOf(command, answer)
    return this.session(token)
  }
}

function loadedOf(json: string): Loaded {
  const { sessions, keys, st, m: message } = JSON.parse(json)
  return { sessions, keys, status: st, statusName: statusName(st), message }
}

function globalWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor }
  if (WebSocket) return WebSocket
  throw new TypeError('There is no global WebSocket here: pass one as the option `WebSocket`.')
}
