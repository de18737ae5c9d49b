import type { Duplex } from 'node:stream'
import { Client, type ClientConfig, Connection, DatabaseError, type QueryArrayConfig } from 'pg'
import { limits } from '../../../core/kernel/limits.ts'
import type { PostgresAddress, PostgresHost, TlsMode } from './address.ts'
import { BinaryParser } from './parser.ts'

/** A prepared statement: its text is sent once a session. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** In PostgreSQL's binary format. */
export type Row = readonly (Buffer | null)[]

export interface Answer {
  /**
   * The command that was carried out, such as `COMMIT`. For a COMMIT of a failed transaction it is
   * `ROLLBACK`.
   */
  readonly command: string
  readonly rows: readonly Row[]
}

export interface SessionOptions {
  readonly address: PostgresAddress
  readonly host: PostgresHost
  /** The longest wait in ms for a connection ... */
  readonly connectMsMax: number
  /** ... and for an answer; a longer wait ends the session. */
  readonly answerMsMax: number
}

/** `pg` has more settings than its types list. */
interface WideClientConfig extends ClientConfig {
  readonly connection: BinaryConnection
}

interface WideQuery extends QueryArrayConfig {
  readonly binary: boolean
  readonly query_timeout?: number
}

/** Passes binary fields on as bytes. */
class BinaryConnection extends Connection {
  #isBindable = false

  /** Whether the server offers channel binding: a password proof tied to this TLS connection. */
  get isBindable(): boolean {
    return this.#isBindable
  }

  attachListeners(stream: Duplex): void {
    const parser = new BinaryParser()
    stream.on('data', (bytes: Buffer) => {
      parser.parse(bytes, (message) => {
        if ('mechanisms' in message) this.#isBindable = offersBinding(message.mechanisms)
        this.emit(message.name === 'error' ? 'errorMessage' : message.name, message)
      })
    })
  }
}

/**
 * The share of `answerMsMax` that a wait for a lock may take. So the server reports a lock that it
 * can't get, before the connection is cut.
 */
const lockShare = 0.75

function offersBinding(mechanisms: unknown): boolean {
  return Array.isArray(mechanisms) && mechanisms.includes('SCRAM-SHA-256-PLUS')
}

const noTls = 'The server does not support SSL connections'
const raw = (value: unknown): unknown => value

/**
 * The first statements of each session. They switch off the statement timeout of the database: if
 * it cancelled the wait for a standby, a commit would succeed that is on no second disk. They also
 * make each commit wait for the disk, whatever the default of the database is.
 */
const greeting = (answerMsMax: number): string => `
  set statement_timeout = 0;
  set lock_timeout = ${Math.ceil(answerMsMax * lockShare)};
  set idle_in_transaction_session_timeout = ${limits.postgresIdleTransactionMsMax};
  set default_transaction_isolation = 'read committed';
  select set_config('synchronous_commit', 'on', false)
    where current_setting('synchronous_commit') = 'off';
  show transaction_read_only`

/**
 * One connection with pipelining: it sends statements without waiting for earlier answers. It never
 * cancels a statement, since a cancelled COMMIT may have happened. A statement that takes too long
 * ends the connection instead.
 */
export class Session {
  readonly host: PostgresHost
  readonly #client: Client
  readonly #answerMsMax: number
  readonly #lost = Promise.withResolvers<unknown>()
  #isLost = false
  #isWritable = false
  #warnings: string[] = []

  private constructor(client: Client, { host, answerMsMax }: SessionOptions) {
    this.#client = client
    this.#answerMsMax = answerMsMax
    this.host = host
    client.on('error', (error) => this.#lose(error))
    client.on('end', () => this.#lose(new Error('The connection ended.')))
    client.on('notice', ({ code, message }) => {
      if (code?.startsWith('00') !== true) this.#warnings.push(message ?? '')
    })
  }

  /** Throws whatever `pg` throws. */
  static async open(options: SessionOptions): Promise<Session> {
    const { tls } = options.address
    try {
      return await Session.#connect(options, tls)
    } catch (error) {
      const isRefused = error instanceof Error && error.message === noTls
      if (tls !== 'prefer' || !isRefused) throw error
      return Session.#connect(options, 'disable')
    }
  }

  static async #connect(options: SessionOptions, tls: TlsMode): Promise<Session> {
    const config = clientConfig(options, tls)
    const client = new Client(config)
    const session = new Session(client, options)
    try {
      await client.connect()
      assertBound(options.address, config.connection)
      await session.#greet(options)
      return session
    } catch (error) {
      session.destroy()
      throw error
    }
  }

  /** False for a standby, or a server that is read-only. */
  get isWritable(): boolean {
    return this.#isWritable
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** Resolves with the reason once the session is lost. */
  get lost(): Promise<unknown> {
    return this.#lost.promise
  }

  /**
   * Runs a prepared statement. Rejects with a DatabaseError from the server; any other error means
   * that the session is lost.
   */
  async ask({ name, text }: Statement, values: readonly unknown[]): Promise<Answer> {
    const query: WideQuery = { name, text, values: [...values], rowMode: 'array', binary: true }
    const { command, rows } = await this.#client.query<(Buffer | null)[]>(query)
    return { command, rows }
  }

  /** Runs a statement without values, such as `commit`. */
  async tell(text: string): Promise<Answer> {
    const query: WideQuery = { text, rowMode: 'array', binary: false }
    const { command } = await this.#client.query<(Buffer | null)[]>(query)
    return { command, rows: [] }
  }

  /** Runs a query. Returns its rows as text, by column name. */
  async read(text: string): Promise<Record<string, string | null>[]> {
    const { rows } = await this.#client.query<Record<string, string | null>>(text)
    return rows
  }

  /** Sends the statements of `work` in as few packets as possible. */
  together<T>(work: () => T): T {
    const { stream } = this.#client.connection
    stream.cork()
    try {
      return work()
    } finally {
      stream.uncork()
    }
  }

  /** The server's warnings since the last call. */
  takeWarnings(): string[] {
    const warnings = this.#warnings
    this.#warnings = []
    return warnings
  }

  onNotification(listener: (payload: string | undefined) => void): void {
    this.#client.on('notification', ({ payload }) => listener(payload))
  }

  /** Waits for outstanding answers, but no longer than `answerMsMax`. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.destroy(), this.#answerMsMax)
    await this.#client.end()
    clearTimeout(timer)
  }

  destroy(): void {
    this.#lose(new Error('The connection was cut.'))
    this.#client.connection.stream.destroy()
  }

  async #greet({ connectMsMax, answerMsMax }: SessionOptions): Promise<void> {
    const query = { text: greeting(answerMsMax), query_timeout: connectMsMax }
    const answers: unknown = await this.#client.query(query)
    const last = Array.isArray(answers) ? answers.at(-1) : undefined
    this.#isWritable = last?.rows[0]?.transaction_read_only === 'off'
  }

  #lose(reason: unknown): void {
    this.#isLost = true
    this.#lost.resolve(reason)
  }
}

/**
 * The SQLSTATE, five characters, of an error from the server; undefined: the connection is lost.
 */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

function clientConfig(options: SessionOptions, tls: TlsMode): WideClientConfig {
  const { address, host, connectMsMax, answerMsMax } = options
  const ssl = tlsOptions(address, tls)
  const connection = new BinaryConnection({
    ssl,
    keepAlive: true,
    keepAliveInitialDelayMillis: limits.postgresKeepAliveMs,
  })
  return {
    host: host.host,
    port: host.port,
    user: address.user,
    database: address.database,
    password: () => {
      // Check before the password is sent.
      assertBound(address, connection)
      const password = address.passwordFor(host)
      if (password === undefined) throw new Error('the server asks for a password: none was given')
      return password
    },
    application_name: address.applicationName,
    options: address.options ?? '',
    connectionTimeoutMillis: connectMsMax,
    query_timeout: answerMsMax,
    pipeline: true,
    types: { getTypeParser: () => raw },
    ssl,
    enableChannelBinding: address.channelBinding !== 'disable',
    connection,
  }
}

function assertBound({ channelBinding }: PostgresAddress, { isBindable }: BinaryConnection): void {
  if (channelBinding !== 'require' || isBindable) return
  throw new Error('channel binding is required, but the server offers none')
}

function tlsOptions(address: PostgresAddress, tls: TlsMode): NonNullable<ClientConfig['ssl']> {
  if (tls === 'disable') return false
  const ca = address.rootCertificates === undefined ? {} : { ca: address.rootCertificates }
  if (tls === 'verify-full') return { ...ca }
  // As in libpq, `require` checks the certificate if root certificates are given.
  const isCompared = tls === 'verify-ca' || (tls === 'require' && 'ca' in ca)
  if (isCompared) return { ...ca, checkServerIdentity: () => undefined }
  return { rejectUnauthorized: false }
}
