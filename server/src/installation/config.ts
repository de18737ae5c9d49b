import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { type DurabilityWish, durabilityWishes } from '../core/upkeep/health.ts'
import {
  ignoredVariables,
  type PostgresAddress,
  PostgresAddressError,
  parsePostgresAddress,
} from '../engines/postgres/link/address.ts'
import { hostNameOf, isLoopback } from '../transport/allowed-hosts.ts'
import { parseArguments } from './arguments/arguments.ts'
import { closestTo } from './arguments/closest-name.ts'
import { holdsPassword } from './arguments/passwords.ts'
import { JsonFileError, readJsonObject } from './json-file.ts'
import { isNetwork } from './network.ts'

export type EngineName = 'lmdb' | 'memory' | 'postgresql'

/** Everything that can be set. Read once, at the edge, and passed whole. */
export interface Config {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The folder for this server's files; with the LMDB engine, for all data. */
  readonly data: string
  readonly engine: EngineName
  /** Whether the user set the engine. If not, commands use the engine of a running server. */
  readonly isEngineGiven: boolean
  /** The address of the database; defined only for the engine `postgresql`. */
  readonly database: PostgresAddress | undefined
  /** What the engine must promise about acknowledged writes. */
  readonly durability: DurabilityWish
  /** 'off': the NemesisDB door has no port of its own. */
  readonly nemesisPort: number | 'off'
  /** Whether the user set that port. If not, the server also starts where the port is taken. */
  readonly isNemesisPortGiven: boolean
  readonly nemesisCompat: '0.4' | '0.9'
  /** The folder of dumps. 'off': none are made. */
  readonly nemesisSaveDir: string
  /** The most bytes of one message. */
  readonly nemesisMaxPayload: number
  /** Whether an owner's call to an unknown channel id creates a project. */
  readonly applabAutoCreate: boolean
  /** How many pairs of one App Lab project there may be before pages can add no more. */
  readonly applabPairsMax: number
  /** 0: unnamed stores are kept for ever. */
  readonly unnamedRetentionDays: number
  /**
   * The URL by which clients reach this server, without a slash at the end; undefined: the address
   * that each request names.
   */
  readonly publicUrl: string | undefined
  /** More host names that requests may use, besides the server's own; spelled as in URLs. */
  readonly allowedHosts: readonly string[]
  /** The proxies whose word about the client's address counts: addresses such as `10.0.0.0/8`. */
  readonly trustedProxies: readonly string[]
  /** Whether a data folder that other users of the machine may write to is accepted. */
  readonly isInsecureFolderTaken: boolean
  /** The token for the first start, which the user may set. */
  readonly initialToken: string | undefined
  /** Whether a start that would make a new installation is refused. */
  readonly mustExist: boolean
  /** Warnings about these settings for the user, in sentences. */
  readonly warnings: readonly string[]
}

/** A setting is wrong; the message is a sentence for the terminal. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

/**
 * Every setting, with three ways to set it: `--port`, `COATCHECK_PORT`, and `"port"` in the file.
 */
const settings = {
  host: { preset: '127.0.0.1', value: 'ADDRESS', help: 'the address to listen on' },
  port: { preset: '8288', value: 'N', help: 'the port to listen on; 0 takes any free one' },
  data: { preset: './coatcheck-data', value: 'DIR', help: 'the folder that holds the data' },
  engine: {
    preset: 'lmdb',
    value: 'lmdb|memory|postgres://USER@HOST/DATABASE',
    help: 'lmdb keeps data in the folder; memory loses it when the server stops',
  },
  durability: {
    preset: 'any',
    value: 'any|single|replicated',
    help: "refuses to start unless writes reach a disk, or with replicated several machines' disks",
  },
  'nemesis-port': {
    preset: '1987',
    value: 'N|off',
    help: 'the port of the NemesisDB door, which is also at /nemesis of the main port',
  },
  'nemesis-compat': {
    preset: '0.4',
    value: '0.4|0.9',
    help: 'the version of NemesisDB that the door follows',
  },
  'nemesis-save-dir': {
    preset: '',
    value: 'DIR|off',
    help: 'the folder that SH_SAVE writes to; by default in the data folder',
  },
  'nemesis-max-payload': {
    preset: '1048576',
    value: 'BYTES',
    help: 'the longest message that the NemesisDB door accepts',
  },
  'applab-auto-create': {
    preset: '',
    value: 'on|off',
    help: "whether an owner's call to an unknown channel makes a project (only on loopback)",
  },
  'applab-pairs-max': {
    preset: '20000',
    value: 'N',
    help: 'how many pairs one App Lab project may have before pages can add no more',
  },
  'unnamed-retention-days': {
    preset: '7',
    value: 'DAYS',
    help: 'how long an unnamed store is kept after its last use; 0 keeps it for ever',
  },
  'public-url': {
    preset: '',
    value: 'URL',
    help: 'the URL by which clients reach this server behind a proxy, for links',
  },
  'allowed-hosts': {
    preset: '',
    value: 'NAME,...',
    help: 'more host names by which clients may address this server',
  },
  'trusted-proxies': {
    preset: '',
    value: 'ADDRESS,...',
    help: "the proxies in front, such as 10.0.0.0/8: they name the client's address",
  },
  'insecure-folder': {
    preset: '',
    value: '',
    help: 'accepts a data folder that other users of this machine may write to',
  },
  'must-exist': { preset: '', value: '', help: 'refuses to make a new installation' },
} as const

type ChosenEngine = Pick<Config, 'engine' | 'database'>
type Variables = Readonly<Record<string, string | undefined>>
type SettingName = keyof typeof settings
type Texts = Partial<Record<SettingName, string>>

/** The text of a setting, and where it was set. */
interface Given {
  readonly text: string
  readonly from: string
}

/**
 * Flags override the environment, which overrides the file. Throws ConfigError, and ArgumentsError
 * for flags that do not exist.
 */
export function readConfig(args: readonly string[], environment: Variables): Config {
  const flags = parseFlags(args)
  const file = readFile(flags.config ?? environment.COATCHECK_CONFIG)
  const given = (name: SettingName): Given => {
    const variable = variableOf(name)
    const flag = flags[name]
    if (flag) return { text: String(flag), from: `--${name}` }
    if (environment[variable]) return { text: environment[variable], from: variable }
    return { text: file[name] || settings[name].preset, from: `"${name}" in the config file` }
  }
  const isGiven = (name: SettingName): boolean =>
    Boolean(flags[name] || environment[variableOf(name)] || file[name])
  const { engine, database } = parseEngine(given('engine'), environment)
  return {
    host: given('host').text,
    port: parsePort(given('port')),
    data: given('data').text,
    engine,
    isEngineGiven: isGiven('engine'),
    database,
    durability: parseDurability(given('durability')),
    nemesisPort: parsePortOrOff(given('nemesis-port')),
    isNemesisPortGiven: isGiven('nemesis-port'),
    nemesisCompat: parseCompat(given('nemesis-compat')),
    nemesisSaveDir: given('nemesis-save-dir').text || defaultSaveDir(given('data').text, engine),
    nemesisMaxPayload: parsePayload(given('nemesis-max-payload')),
    applabAutoCreate: parseAutoCreate(given('applab-auto-create'), given('host').text),
    applabPairsMax: parsePairs(given('applab-pairs-max')),
    unnamedRetentionDays: parseDays(given('unnamed-retention-days')),
    publicUrl: parseUrl(given('public-url')),
    allowedHosts: parseHosts(given('allowed-hosts')),
    trustedProxies: parseProxies(given('trusted-proxies')),
    isInsecureFolderTaken: parseSwitch(given('insecure-folder')),
    mustExist: parseSwitch(given('must-exist')),
    initialToken: environment.COATCHECK_INITIAL_TOKEN || undefined,
    warnings: [
      ...(holdsPassword(flags.engine) ? [passwordSeen] : []),
      ...unknownVariables(environment),
      ...(database ? ignoredVariables(environment) : []),
    ],
  }
}

/** The same setting for commands that take no flag for it. Throws ConfigError. */
export function isInsecureFolderTaken(environment: Variables): boolean {
  const name = variableOf('insecure-folder')
  return parseSwitch({ text: environment[name] ?? '', from: name })
}

/** Sentences about variables that look like settings. Kubernetes makes some for each service. */
function unknownVariables(environment: Variables): string[] {
  const names = Object.keys(settings).filter(isSettingName).map(variableOf)
  const others = ['CONFIG', 'INITIAL_TOKEN', 'URL', 'TOKEN']
  const known = [...names, ...others.map((name) => `COATCHECK_${name}`)]
  const isOfKubernetes = (name: string): boolean =>
    /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP)/.test(name) ||
    /^(tcp|udp):/.test(environment[name] ?? '')
  return Object.keys(environment)
    .filter((name) => /^COATCHECK_/i.test(name) && !known.includes(name) && !isOfKubernetes(name))
    .map((name) => `${name} is not a setting and is ignored.${suggestion(name, known)}`)
}

const isSettingName = (name: string): name is SettingName => Object.hasOwn(settings, name)

function suggestion(typed: string, known: readonly string[], quote = ''): string {
  const meant = closestTo(typed, known)
  return meant === undefined ? '' : ` Did you mean ${quote}${meant}${quote}?`
}

const passwordSeen =
  'All users of this machine can read the password in --engine in the list of processes. ' +
  'Use COATCHECK_ENGINE, PGPASSWORD or PGPASSFILE instead.'

/** The flags for `--help`, one per line. */
export function describeSettings(): string {
  const flags = Object.entries(settings).map(([name, { value, help, preset }]) => ({
    flag: `--${name} ${value}`.trimEnd(),
    text: preset === '' ? help : `${help} (${preset})`,
  }))
  const config = { flag: '--config FILE', text: 'a JSON file with any of these: {"port": 8288}' }
  const all = [...flags, config]
  const width = Math.max(...all.map(({ flag }) => flag.length))
  return all.map(({ flag, text }) => `  ${flag.padEnd(width)}  ${text}`).join('\n')
}

function variableOf(name: SettingName): string {
  return `COATCHECK_${name.toUpperCase().replaceAll('-', '_')}`
}

function parseFlags(args: readonly string[]): Texts & { config?: string } {
  const named = Object.entries(settings).map(([name, { value }]) => {
    return [name, { type: value === '' ? 'boolean' : 'string' } as const] as const
  })
  const options = Object.fromEntries([...named, ['config', { type: 'string' } as const]])
  const { values } = parseArguments(args, options)
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

function readFile(path: string | undefined): Texts {
  if (path === undefined) return {}
  const fields = parseFile(path)
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(settings, name)) {
      const what = `The config file ${path} sets "${name}", which is an unknown setting.`
      throw new ConfigError(what + suggestion(name, Object.keys(settings), '"'))
    }
  }
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]))
}

function parseFile(path: string): object {
  try {
    return readJsonObject(path)
  } catch (error) {
    if (!(error instanceof JsonFileError)) throw error
    throw new ConfigError(`The config file ${path} ${error.message}.`)
  }
}

function parsePort({ text, from }: Given): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new ConfigError(`${from} is "${text}", but must be a port from 0 to 65535.`)
}

function parsePortOrOff(given: Given): number | 'off' {
  return given.text === 'off' ? 'off' : parsePort(given)
}

/** A folder in the data folder. The memory engine has no data folder, so it makes no dumps. */
function defaultSaveDir(data: string, engine: Config['engine']): string {
  return engine === 'memory' ? 'off' : join(data, 'nemesis')
}

function parseCompat({ text, from }: Given): '0.4' | '0.9' {
  if (text === '0.4' || text === '0.9') return text
  throw new ConfigError(`${from} is "${text}", but must be 0.4 or 0.9.`)
}

function parsePayload({ text, from }: Given): number {
  const bytes = Number(text)
  if (/^\d+$/.test(text) && bytes >= 64 && bytes <= 67_108_864) return bytes
  throw new ConfigError(`${from} is "${text}", but must be a number of bytes from 64 to 67108864.`)
}

function parseAutoCreate({ text, from }: Given, host: string): boolean {
  if (text === '') return isLoopback(host)
  if (text === 'on' || text === 'off') return text === 'on'
  throw new ConfigError(`${from} is "${text}", which is neither on nor off.`)
}

function parsePairs({ text, from }: Given): number {
  const pairs = Number(text)
  if (/^\d+$/.test(text) && pairs >= 1 && pairs <= 1_000_000) return pairs
  throw new ConfigError(`${from} is "${text}", but must be a number of pairs from 1 to 1000000.`)
}

function parseEngine({ text, from }: Given, environment: Variables): ChosenEngine {
  if (text === 'lmdb' || text === 'memory') return { engine: text, database: undefined }
  if (isDatabase(text)) return { engine: 'postgresql', database: parseDatabase(text, environment) }
  // A mistyped address may hold a password: the message repeats the text only if it is one plain
  // word.
  const what = /^[\w.-]{1,40}$/.test(text)
    ? `is "${text}", an unknown engine`
    : 'is an unknown engine'
  throw new ConfigError(`${from} ${what}. Use lmdb, memory or postgres://USER@HOST/DATABASE.`)
}

/** Whether a text looks like the address of a PostgreSQL database. */
export function isDatabase(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text)
}

/** PostgreSQL's own environment variables add what the address leaves out. Throws ConfigError. */
export function parseDatabase(text: string, environment: Variables): PostgresAddress {
  try {
    return parsePostgresAddress(text, environment)
  } catch (error) {
    if (error instanceof PostgresAddressError) throw new ConfigError(error.message)
    throw error
  }
}

function parseDurability({ text, from }: Given): DurabilityWish {
  const wish = durabilityWishes.find((one) => one === text)
  if (wish) return wish
  throw new ConfigError(`${from} is "${text}", but must be one of ${durabilityWishes.join(', ')}.`)
}

function parseUrl({ text, from }: Given): string | undefined {
  if (text === '') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url?.search === '' && url.hash === '' && url.username === ''
  if (url && isPlain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, '')
  throw new ConfigError(
    `${from} is "${text}", but must be a URL such as https://store.example.com.`,
  )
}

function parseHosts({ text, from }: Given): string[] {
  const names = text.split(',').map((name) => name.trim())
  return names.filter(Boolean).map((name) => {
    const host = hostNameOf(isIPv6(name) ? `[${name}]` : name)
    if (host !== undefined) return host
    throw new ConfigError(`${from} has "${name}", but must hold hosts such as store.example.com.`)
  })
}

/** Addresses, and networks such as `10.0.0.0/8`. */
function parseProxies({ text, from }: Given): string[] {
  const proxies = text.split(',').map((proxy) => proxy.trim())
  return proxies.filter(Boolean).map((proxy) => {
    if (isNetwork(proxy)) return proxy
    throw new ConfigError(
      `${from} has "${proxy}", but must hold addresses such as 10.0.0.1 or 10.0.0.0/8.`,
    )
  })
}

function parseSwitch({ text, from }: Given): boolean {
  if (['', 'off', 'false', '0'].includes(text)) return false
  if (['on', 'true', '1'].includes(text)) return true
  throw new ConfigError(`${from} is "${text}", which is neither on nor off.`)
}

function parseDays({ text, from }: Given): number {
  const days = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && days <= 36_500) return days
  throw new ConfigError(`${from} is "${text}", but must be a number of days from 0 to 36500.`)
}
