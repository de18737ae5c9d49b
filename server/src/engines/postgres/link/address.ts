import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { type PasswordFile, readPasswordFile } from './password-file.ts'

export interface PostgresHost {
  /** A name, an address, or the folder of a Unix socket, which begins with a slash. */
  readonly host: string
  readonly port: number
}

/**
 * As libpq's `sslmode`: `prefer` uses TLS if the server can, `require` does not check who the
 * server is.
 */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** Whether the password proof is tied to the TLS connection: nobody in between can pass it on. */
export type ChannelBinding = 'disable' | 'prefer' | 'require'

/** The address can't be used; the message is a sentence for the terminal, without passwords. */
export class PostgresAddressError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PostgresAddressError'
  }
}

type Environment = Readonly<Record<string, string | undefined>>

const addressPattern = /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/
const tlsModes: readonly TlsMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full']
const bindings: readonly ChannelBinding[] = ['disable', 'prefer', 'require']
/** They make no difference: the engine looks for a host that takes writes anyway. */
const targets = ['any', 'read-write', 'primary'] as const
const parameters = [
  'sslmode',
  'sslrootcert',
  'channel_binding',
  'application_name',
  'connect_timeout',
  'target_session_attrs',
  'options',
] as const
type Parameter = (typeof parameters)[number]

/** Where a PostgreSQL is, and the user to connect as. Printing an address shows no password. */
export class PostgresAddress {
  readonly hosts: readonly PostgresHost[]
  readonly user: string
  readonly database: string
  readonly tls: TlsMode
  /** Root certificates in PEM to verify the server with; undefined: those of the system. */
  readonly rootCertificates: string | undefined
  readonly channelBinding: ChannelBinding
  readonly applicationName: string
  /** How long a host may take to accept a connection; undefined: the engine decides. */
  readonly connectMsMax: number | undefined
  /** Settings for each session, as `-c name=value`. */
  readonly options: string | undefined
  readonly #password: string | undefined
  readonly #passwordFile: PasswordFile

  constructor(parts: AddressParts) {
    this.hosts = parts.hosts
    this.user = parts.user
    this.database = parts.database
    this.tls = parts.tls
    this.rootCertificates = parts.rootCertificates
    this.channelBinding = parts.channelBinding
    this.applicationName = parts.applicationName
    this.connectMsMax = parts.connectMsMax
    this.options = parts.options
    this.#password = parts.password
    this.#passwordFile = parts.passwordFile
  }

  /** The password for a host; undefined: none was given. */
  passwordFor({ host, port }: PostgresHost): string | undefined {
    if (this.#password !== undefined) return this.#password
    return this.#passwordFile.find({ host, port, database: this.database, user: this.user })
  }

  /** For messages: without the password. */
  toString(): string {
    const hosts = this.hosts.map(nameOf).join(',')
    return `postgres://${encodeURIComponent(this.user)}@${hosts}/${encodeURIComponent(this.database)}`
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

type Shown = Omit<PostgresAddress, 'passwordFor' | 'toString' | typeof inspect.custom>

interface AddressParts extends Shown {
  readonly password: string | undefined
  readonly passwordFile: PasswordFile
}

/**
 * `postgres://user:password@host1:5432,host2:5433/database?sslmode=verify-full`, as libpq reads it:
 * special characters of a URL are percent-encoded, commas separate hosts, and missing parts come
 * from PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, PGPASSFILE and the others.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 * Throws PostgresAddressError.
 */
export function parsePostgresAddress(text: string, environment: Environment = {}): PostgresAddress {
  const [, authority = '', path = '', query = ''] = addressPattern.exec(text) ?? refuseForm()
  // If a password is not percent-encoded, the path or the query may contain a part of it.
  if (`${path}${query}`.includes('@')) refuseForm()
  const at = authority.lastIndexOf('@')
  const [user, password] = parseUser(at < 0 ? '' : authority.slice(0, at), environment)
  const given = parseParameters(query)
  oneOf(targets, given.target_session_attrs ?? 'any', 'target_session_attrs')
  return new PostgresAddress({
    hosts: parseHosts(authority.slice(at + 1), environment),
    user,
    database: decode(path, 'database') || environment.PGDATABASE || user,
    tls: oneOf(tlsModes, given.sslmode ?? environment.PGSSLMODE ?? 'prefer', 'sslmode'),
    rootCertificates: readCertificates(given.sslrootcert ?? environment.PGSSLROOTCERT),
    channelBinding: oneOf(
      bindings,
      given.channel_binding ?? environment.PGCHANNELBINDING ?? 'disable',
      'channel_binding',
    ),
    connectMsMax: parseSeconds(given.connect_timeout ?? environment.PGCONNECT_TIMEOUT),
    applicationName: given.application_name ?? environment.PGAPPNAME ?? 'coatcheck',
    options: given.options ?? environment.PGOPTIONS,
    password: password ?? environment.PGPASSWORD,
    passwordFile: openPasswordFile(environment),
  })
}

/** For messages: `host:port`. */
export function nameOf({ host, port }: PostgresHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function refuseForm(): never {
  throw new PostgresAddressError(
    'A PostgreSQL address looks like postgres://user:password@host:5432/database; ' +
      'in names and passwords, characters such as / ? # @ must be percent-encoded.',
  )
}

function parseUser(text: string, environment: Environment): [string, string | undefined] {
  const colon = text.indexOf(':')
  const name = decode(colon < 0 ? text : text.slice(0, colon), 'user')
  const user = name || environment.PGUSER || environment.USER
  if (!user) throw new PostgresAddressError('The PostgreSQL address names no user.')
  return [user, colon < 0 ? undefined : decode(text.slice(colon + 1), 'password')]
}

function parseHosts(text: string, environment: Environment): PostgresHost[] {
  return text.split(',').map((one) => {
    const match = /^(\[[^\]]*\]|[^:]*)(?::([^:]*))?$/.exec(one)
    if (!match) throw new PostgresAddressError(`"${one}" is not a host of a PostgreSQL address.`)
    const host = decode(match[1] ?? '', 'host').replace(/^\[|\]$/g, '')
    const port = match[2] || environment.PGPORT || '5432'
    return { host: host || environment.PGHOST || 'localhost', port: parsePort(port) }
  })
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new PostgresAddressError(`"${text}" is not a port: a PostgreSQL address has 1 to 65535.`)
}

function parseParameters(query: string): Partial<Record<Parameter, string>> {
  const given: Partial<Record<Parameter, string>> = {}
  for (const part of query.split('&').filter((one) => one !== '')) {
    const [name = '', ...value] = part.split('=')
    const known = parameters.find((one) => one === name)
    if (known === undefined) {
      const all = parameters.join(', ')
      throw new PostgresAddressError(
        `A PostgreSQL address has no parameter "${name}"; it has ${all}.`,
      )
    }
    given[known] = decode(value.join('='), known)
  }
  return given
}

function oneOf<T extends string>(known: readonly T[], text: string, name: Parameter): T {
  const found = known.find((one) => one === text)
  if (found !== undefined) return found
  throw new PostgresAddressError(`${name} can't be "${text}"; it can be ${known.join(', ')}.`)
}

/** Returns ms. */
function parseSeconds(text: string | undefined): number | undefined {
  if (text === undefined || text === '0') return undefined
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text) * 1_000
  throw new PostgresAddressError(
    `connect_timeout can't be "${text}"; it is a number of seconds up to 999.`,
  )
}

function readCertificates(file: string | undefined): string | undefined {
  if (!file || file === 'system') return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PostgresAddressError(`The certificates of sslrootcert can't be read: ${reason}.`)
  }
}

function openPasswordFile(environment: Environment): PasswordFile {
  try {
    return readPasswordFile(environment)
  } catch (error) {
    throw new PostgresAddressError(error instanceof Error ? error.message : String(error))
  }
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new PostgresAddressError(`The ${what} in the PostgreSQL address is not percent-encoded.`)
  }
}
