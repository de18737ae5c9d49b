import type { Duplex } from 'node:stream'
import { Client, type ClientConfig, Connection, DatabaseError, type QueryArrayConfig } from 'pg'
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
  /** What was done, as `COMMIT`: a failed transaction's COMMIT answers `ROLLBACK`. */
  readonly command: string
  readonly rows: readonly Row[]
}

export interface SessionOptions {
  readonly address: PostgresAddress
  readonly host: PostgresHost
  /** Nobody waits longer than so many ms for a connection ... */
  readonly connectMsMax: number
  /** ... or an answer: what takes longer ends the session. */
  readonly answerMsMax: number
}

/** `pg` knows more settings than its types. */
interface WideClientConfig extends ClientConfig {
  readonly connection: BinaryConnection
}

interface WideQuery extends QueryArrayConfig {
  readonly binary: boolean
  readonly query_timeout?: number
}

/** Hands what is binary on as bytes. */
class BinaryConnection extends Connection {
  #isBindable = false

  /** Whether the server asked for a proof that is tied to this TLS connection. */
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

/** Of the time for an answer: a lock that is not to be had is told, not cut off. */
const lockShare = 0.75

function offersBinding(mechanisms: unknown): boolean {
  return Array.isArray(mechanisms) && mechanisms.includes('SCRAM-SHA-256-PLUS')
}

const noTls = 'The server does not support SSL connections'
const raw = (value: unknown): unknown => value

/**
 * What each session is told first. The database's own statement timeout is not for these: a
 * cancelled wait for a standby would let a commit pass that is on no second disk. A commit waits
 * for the disk whatever the database's default is.
 */
const greeting = (answerMsMax: number): string => `
  set statement_timeout = 0;
  set lock_timeout = ${Math.ceil(answerMsMax * lockShare)};
  set idle_in_transaction_session_timeout = 2000;
  set default_transaction_isolation = 'read committed';
  select set_config('synchronous_commit', 'on', false)
    where current_setting('synchronous_commit') = 'off';
  show transaction_read_only`

/**
 * One connection, which pipelines: what is asked before an answer is on its way at once. It never
 * cancels anything: what takes too long ends the connection instead, since a cancelled COMMIT may
 * have happened.
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

  /** Throws what `pg` throws. */
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

  /** False of a standby. */
  get isWritable(): boolean {
    return this.#isWritable
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** Resolves with the reason once nothing can be asked any more. */
  get lost(): Promise<unknown> {
    return this.#lost.promise
  }

  /** Rejects with a DatabaseError of the server's, or with another error: the session is lost. */
  async ask({ name, text }: Statement, values: readonly unknown[]): Promise<Answer> {
    const query: WideQuery = { name, text, values: [...values], rowMode: 'array', binary: true }
    const { command, rows } = await this.#client.query<(Buffer | null)[]>(query)
    return { command, rows }
  }

  /** For words without values, such as `commit`. */
  async tell(text: string): Promise<Answer> {
    const query: WideQuery = { text, rowMode: 'array', binary: false }
    const { command } = await this.#client.query<(Buffer | null)[]>(query)
    return { command, rows: [] }
  }

  /** Rows as text, by the names of their columns. */
  async read(text: string): Promise<Record<string, string | null>[]> {
    const { rows } = await this.#client.query<Record<string, string | null>>(text)
    return rows
  }

  /** What is asked in `work` goes out in as few packets as can be. */
  together<T>(work: () => T): T {
    const { stream } = this.#client.connection
    stream.cork()
    try {
      return work()
    } finally {
      stream.uncork()
    }
  }

  /** What the server warned of since this was last asked. */
  takeWarnings(): string[] {
    const warnings = this.#warnings
    this.#warnings = []
    return warnings
  }

  onNotification(listener: () => void): void {
    this.#client.on('notification', listener)
  }

  /** Lets what was asked be answered first; a server that stands still is not waited for. */
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

/** The five characters of an error that the server answered; undefined: the connection is lost. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

function clientConfig(options: SessionOptions, tls: TlsMode): WideClientConfig {
  const { address, host, connectMsMax, answerMsMax } = options
  const ssl = tlsOptions(address, tls)
  const connection = new BinaryConnection({
    ssl,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  })
  return {
    host: host.host,
    port: host.port,
    user: address.user,
    database: address.database,
    password: () => {
      // Before it is sent to whoever asks.
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
  throw new Error('the server offers no channel binding, and it is required')
}

function tlsOptions(address: PostgresAddress, tls: TlsMode): NonNullable<ClientConfig['ssl']> {
  if (tls === 'disable') return false
  const ca = address.rootCertificates === undefined ? {} : { ca: address.rootCertificates }
  if (tls === 'verify-full') return { ...ca }
  // With certificates to compare with, libpq's `require` compares.
  const isCompared = tls === 'verify-ca' || (tls === 'require' && 'ca' in ca)
  if (isCompared) return { ...ca, checkServerIdentity: () => undefined }
  return { rejectUnauthorized: false }
}
