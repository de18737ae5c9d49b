import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { PasswordFile, readPasswordFile, socketFolders } from './password-file.ts'

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
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'passfile',
  'sslmode',
  'sslrootcert',
  'channel_binding',
  'application_name',
  'connect_timeout',
  'target_session_attrs',
  'options',
] as const
type Parameter = (typeof parameters)[number]
type Parameters = Partial<Record<Parameter, string>>

const usualPort = '5432'

/** Variables by which libpq connects in another way, and which Coatcheck does not know. */
const unknownVariables = [
  'PGHOSTADDR',
  'PGSERVICE',
  'PGSSLCERT',
  'PGSSLKEY',
  'PGSSLCRL',
  'PGREQUIREAUTH',
  'PGREQUIREPEER',
] as const

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

  /** The password for a host, never an empty one; undefined: none was given. */
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
 * from PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, PGPASSFILE and the others. An empty name,
 * password or file counts as missing.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 * Throws PostgresAddressError.
 */
export function parsePostgresAddress(text: string, environment: Environment = {}): PostgresAddress {
  const [, authority = '', path = '', query = ''] = addressPattern.exec(text) ?? refuseForm()
  // If a password is not percent-encoded, the path or the query may contain a part of it.
  if (`${path}${query}`.includes('@')) refuseForm()
  const at = authority.lastIndexOf('@')
  const given = parseParameters(query)
  const { user, password } = parseUser(at < 0 ? '' : authority.slice(0, at), given, environment)
  assertTarget(given.target_session_attrs ?? environment.PGTARGETSESSIONATTRS)
  const sslMode = given.sslmode ?? environment.PGSSLMODE ?? 'prefer'
  const tls = oneOf(tlsModes, sslMode, 'sslmode')
  const binding = given.channel_binding ?? environment.PGCHANNELBINDING ?? 'disable'
  return new PostgresAddress({
    hosts: parseHosts(authority.slice(at + 1), given, environment),
    user,
    database: given.dbname || decode(path, 'database') || environment.PGDATABASE || user,
    tls,
    rootCertificates: readCertificates(given, environment, tls),
    channelBinding: oneOf(bindings, binding, 'channel_binding'),
    connectMsMax: parseSeconds(given.connect_timeout ?? environment.PGCONNECT_TIMEOUT),
    applicationName: given.application_name || environment.PGAPPNAME || 'coatcheck',
    options: given.options || environment.PGOPTIONS || undefined,
    password,
    // With a password, libpq does not look at the file either.
    passwordFile: password === undefined ? openPasswordFile(given, environment) : noPasswords,
  })
}

const noPasswords = new PasswordFile('')

/** Sentences about variables that psql would obey. */
export function ignoredVariables(environment: Environment): string[] {
  return unknownVariables
    .filter((name) => environment[name])
    .map((name) => `${name} is ignored: Coatcheck does not know this variable of PostgreSQL.`)
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

function parseUser(
  text: string,
  given: Parameters,
  environment: Environment,
): { user: string; password: string | undefined } {
  const colon = text.indexOf(':')
  const name = given.user || decode(colon < 0 ? text : text.slice(0, colon), 'user')
  const user = name || environment.PGUSER || systemUser()
  if (!user) throw new PostgresAddressError('The PostgreSQL address names no user.')
  const ownPassword = colon < 0 ? '' : decode(text.slice(colon + 1), 'password')
  const password = given.password || ownPassword || environment.PGPASSWORD || undefined
  return { user, password }
}

/** As in psql: the user that runs this program, whatever USER says. */
function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    // In a container the user may have no name.
    return ''
  }
}

/** Hosts and ports may come from different places, as in psql. */
function parseHosts(text: string, given: Parameters, environment: Environment): PostgresHost[] {
  const places = text.split(',').map(parsePlace)
  // libpq takes PGHOST for a URL without a host, but not for an empty one in a list.
  const isNamed = places.length > 1 || places[0]?.host !== ''
  const named = isNamed ? places.map(({ host }) => host) : splitList(environment.PGHOST)
  const hosts = given.host === undefined ? named : splitList(given.host)
  const own = places.map(({ port }) => port)
  const ports = given.port === undefined ? own : splitList(given.port)
  const others = splitList(environment.PGPORT)
  return hosts.map((host, index) => {
    const port = nth(ports, index, hosts) || nth(others, index, hosts) || usualPort
    return { host: host || usualHost(port), port: parsePort(port) }
  })
}

function splitList(text = ''): readonly string[] {
  return text.split(',').map((one) => one.trim())
}

/** The item for one host: a single item is for all hosts. */
function nth(items: readonly string[], index: number, hosts: readonly string[]): string {
  if (items.length === 1) return items[0] ?? ''
  if (items.length === hosts.length) return items[index] ?? ''
  throw new PostgresAddressError(
    `${items.length} ports can't be matched to ${hosts.length} hosts of PostgreSQL.`,
  )
}

function parsePlace(text: string): { host: string; port: string } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([^:]*))?$/.exec(text)
  if (!match) throw new PostgresAddressError(`"${text}" is not a host of a PostgreSQL address.`)
  const host = decode(match[1] ?? '', 'host').replace(/^\[|\]$/g, '')
  return { host, port: match[2] ?? '' }
}

/** As in psql: the Unix socket of this machine, if PostgreSQL has one. */
function usualHost(port: string): string {
  const folder = socketFolders.find((one) => existsSync(join(one, `.s.PGSQL.${port}`)))
  return folder ?? 'localhost'
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new PostgresAddressError(`"${text}" is not a port: a PostgreSQL address has 1 to 65535.`)
}

function assertTarget(text = 'any'): void {
  oneOf(targets, text, 'target_session_attrs')
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
  if (text === undefined || text === '0' || /^-\d+$/.test(text)) return undefined
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text) * 1_000
  throw new PostgresAddressError(
    `connect_timeout can't be "${text}"; it is a number of seconds up to 999.`,
  )
}

/** Without a file of its own, libpq verifies servers by one in the home folder. */
function readCertificates(
  given: Parameters,
  { PGSSLROOTCERT, HOME }: Environment,
  tls: TlsMode,
): string | undefined {
  const named = given.sslrootcert || PGSSLROOTCERT
  if (named === 'system' || tls === 'disable') return undefined
  const usual = HOME && tls !== 'prefer' ? join(HOME, '.postgresql', 'root.crt') : undefined
  const file = named || (usual && existsSync(usual) ? usual : undefined)
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PostgresAddressError(`The certificates of sslrootcert can't be read: ${reason}.`)
  }
}

function openPasswordFile({ passfile }: Parameters, environment: Environment): PasswordFile {
  try {
    return readPasswordFile({ ...environment, ...(passfile && { PGPASSFILE: passfile }) })
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
