import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type DurabilityWish, durabilityWishes } from '../core/upkeep/health.ts'
import {
  type PostgresAddress,
  PostgresAddressError,
  parsePostgresAddress,
} from '../engines/postgres/link/address.ts'
import { hostNameOf, isLoopback } from '../transport/allowed-hosts.ts'

export type EngineName = 'lmdb' | 'memory' | 'postgresql'

/** Everything that can be set. Read once, at the edge, and passed whole. */
export interface Config {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** What this server keeps in files: with the LMDB engine, all data. */
  readonly data: string
  readonly engine: EngineName
  /** Whether that engine was asked for; else commands take the one that a running server has. */
  readonly isEngineGiven: boolean
  /** Of the engine `postgresql`, where its database is. */
  readonly database: PostgresAddress | undefined
  /** What has to be promised of what is acknowledged. */
  readonly durability: DurabilityWish
  /** 'off': the NemesisDB door is closed. */
  readonly nemesisPort: number | 'off'
  /** Whether that port was asked for; else it is a wish. */
  readonly isNemesisPortGiven: boolean
  readonly nemesisCompat: '0.4' | '0.9'
  /** Where dumps lie. 'off': none are made. */
  readonly nemesisSaveDir: string
  /** Bytes of one message. */
  readonly nemesisMaxPayload: number
  /** Whether an owner's call to a channel that is not there makes a project. */
  readonly applabAutoCreate: boolean
  /** Pairs of one App Lab project: pages add none above it. */
  readonly applabPairsMax: number
  /** 0: unnamed stores are kept. */
  readonly unnamedRetentionDays: number
  /** How clients address this server, without a slash at the end; undefined: as each does. */
  readonly publicUrl: string | undefined
  /** Names that requests may address this server by, besides its own; as URLs spell hosts. */
  readonly allowedHosts: readonly string[]
  /** Set from outside for the first start only. */
  readonly initialToken: string | undefined
  /** What whoever set all this should know, in sentences. */
  readonly warnings: readonly string[]
}

/** The user set something that can't be; the message is a sentence for the terminal. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

/** Each setting once: `--port`, `COATCHECK_PORT`, and `"port"` in the file. */
const settings = {
  host: { preset: '127.0.0.1', value: 'ADDRESS', help: 'the address to listen on' },
  port: { preset: '8288', value: 'N', help: 'the port to listen on; 0 takes any free one' },
  data: { preset: './coatcheck-data', value: 'DIR', help: 'the folder that holds the data' },
  engine: {
    preset: 'lmdb',
    value: 'lmdb|memory|postgres://USER@HOST/DATABASE',
    help: 'lmdb keeps data in the folder, memory keeps it until the server stops',
  },
  durability: {
    preset: 'any',
    value: 'any|single|replicated',
    help: 'refuses to start unless what is acknowledged is on a disk, or on those of several machines',
  },
  'nemesis-port': {
    preset: '1987',
    value: 'N|off',
    help: 'the port of the NemesisDB door, which is also at /nemesis of the main port',
  },
  'nemesis-compat': {
    preset: '0.4',
    value: '0.4|0.9',
    help: 'which of its versions the NemesisDB door follows',
  },
  'nemesis-save-dir': {
    preset: '',
    value: 'DIR|off',
    help: 'where SH_SAVE writes; in the data folder unless given',
  },
  'nemesis-max-payload': {
    preset: '1048576',
    value: 'BYTES',
    help: 'the longest message that the NemesisDB door takes',
  },
  'applab-auto-create': {
    preset: '',
    value: 'on|off',
    help: "whether an owner's call to an unknown channel makes a project; on unless given, on loopback",
  },
  'applab-pairs-max': {
    preset: '20000',
    value: 'N',
    help: 'how many pairs the pages of one App Lab project may make',
  },
  'unnamed-retention-days': {
    preset: '7',
    value: 'DAYS',
    help: 'how long an unnamed store is kept after its last use; 0 keeps it for ever',
  },
  'public-url': {
    preset: '',
    value: 'URL',
    help: 'how clients reach this server, for the links it gives; behind a proxy',
  },
  'allowed-hosts': {
    preset: '',
    value: 'NAME,...',
    help: 'further names by which clients may address this server',
  },
} as const

type ChosenEngine = Pick<Config, 'engine' | 'database'>
type Variables = Readonly<Record<string, string | undefined>>
type SettingName = keyof typeof settings

/** What was set, and where. */
interface Given {
  readonly text: string
  readonly from: string
}

/** Flags go before the environment, and that before the file. Throws ConfigError. */
export function readConfig(args: readonly string[], environment: Variables): Config {
  const flags = parseFlags(args)
  const file = readFile(flags.config ?? environment.COATCHECK_CONFIG)
  const given = (name: SettingName): Given => {
    const variable = variableOf(name)
    if (flags[name]) return { text: flags[name], from: `--${name}` }
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
    initialToken: environment.COATCHECK_INITIAL_TOKEN || undefined,
    warnings: holdsPassword(flags.engine) ? [passwordSeen] : [],
  }
}

const passwordSeen =
  'The password in --engine can be read by all users of this machine, in its list of processes; ' +
  'COATCHECK_ENGINE, PGPASSWORD and PGPASSFILE keep it from them.'

/** The flags for `--help`, a line each. */
export function describeSettings(): string {
  const flags = Object.entries(settings).map(([name, { value, help, preset }]) => ({
    flag: `--${name} ${value}`,
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

type Texts = Partial<Record<SettingName, string>>

function parseFlags(args: readonly string[]): Texts & { config?: string } {
  const options = Object.fromEntries(
    [...Object.keys(settings), 'config'].map((name) => [name, { type: 'string' } as const]),
  )
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true })
    return values
  } catch (error) {
    if (error instanceof TypeError) throw new ConfigError(firstSentence(error.message))
    throw error
  }
}

/** What Node says of wrong flags, without its advice and without passwords. */
export function firstSentence(message: string): string {
  return `${withoutPasswords(message).split(/\. |\n/, 1)[0]}.`.replace(/\.\.$/, '.')
}

/** A text in which databases may be named, with `***` for each password in their addresses. */
export function withoutPasswords(text: string): string {
  return text
    .replace(/(?<!\b(?:https?|wss?):)(\/\/[^\s:@/?]*):[^\s]*@/g, '$1:***@')
    .replace(/([?&](?:ssl)?password=)[^\s&'"]*/gi, '$1***')
}

function holdsPassword(text = ''): boolean {
  return withoutPasswords(text) !== text
}

function readFile(path: string | undefined): Texts {
  if (path === undefined) return {}
  const fields = parseFile(path)
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(settings, name)) {
      throw new ConfigError(`The config file ${path} sets "${name}", which is no setting.`)
    }
  }
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]))
}

function parseFile(path: string): object {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(`The config file ${path} can't be read: ${reasonOf(error)}.`)
  }
  try {
    const fields: unknown = JSON.parse(text)
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return fields
  } catch (error) {
    throw new ConfigError(`The config file ${path} is not JSON: ${reasonOf(error)}.`)
  }
  throw new ConfigError(`The config file ${path} is not a JSON object.`)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function parsePort({ text, from }: Given): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new ConfigError(`${from} is "${text}", which is no port: 0 to 65535.`)
}

function parsePortOrOff(given: Given): number | 'off' {
  return given.text === 'off' ? 'off' : parsePort(given)
}

/** In the data folder, which the memory engine has not. */
function defaultSaveDir(data: string, engine: Config['engine']): string {
  return engine === 'memory' ? 'off' : join(data, 'nemesis')
}

function parseCompat({ text, from }: Given): '0.4' | '0.9' {
  if (text === '0.4' || text === '0.9') return text
  throw new ConfigError(`${from} is "${text}", which is no version to follow: 0.4 or 0.9.`)
}

function parsePayload({ text, from }: Given): number {
  const bytes = Number(text)
  if (/^\d+$/.test(text) && bytes >= 64 && bytes <= 67_108_864) return bytes
  throw new ConfigError(`${from} is "${text}", which is no number of bytes: 64 to 67108864.`)
}

function parseAutoCreate({ text, from }: Given, host: string): boolean {
  if (text === '') return isLoopback(host)
  if (text === 'on' || text === 'off') return text === 'on'
  throw new ConfigError(`${from} is "${text}", which is neither on nor off.`)
}

function parsePairs({ text, from }: Given): number {
  const pairs = Number(text)
  if (/^\d+$/.test(text) && pairs >= 1 && pairs <= 1_000_000) return pairs
  throw new ConfigError(`${from} is "${text}", which is no number of pairs: 1 to 1000000.`)
}

function parseEngine({ text, from }: Given, environment: Variables): ChosenEngine {
  if (text === 'lmdb' || text === 'memory') return { engine: text, database: undefined }
  if (isDatabase(text)) return { engine: 'postgresql', database: parseDatabase(text, environment) }
  // What is nearly an address may hold a password all the same.
  const what = /^[\w.-]{1,40}$/.test(text) ? `is "${text}", which is no engine` : 'is no engine'
  throw new ConfigError(`${from} ${what}: lmdb, memory or postgres://USER@HOST/DATABASE.`)
}

/** Whether a text is meant for the address of a PostgreSQL database. */
export function isDatabase(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text)
}

/** What the address leaves open is in PostgreSQL's own variables. Throws ConfigError. */
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
  throw new ConfigError(`${from} is "${text}", which is none of ${durabilityWishes.join(', ')}.`)
}

function parseUrl({ text, from }: Given): string | undefined {
  if (text === '') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url?.search === '' && url.hash === '' && url.username === ''
  if (url && isPlain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, '')
  throw new ConfigError(`${from} is "${text}", which is no URL such as https://store.example.com.`)
}

function parseHosts({ text, from }: Given): string[] {
  const names = text.split(',').map((name) => name.trim())
  return names.filter(Boolean).map((name) => {
    const host = hostNameOf(isIPv6(name) ? `[${name}]` : name)
    if (host !== undefined) return host
    throw new ConfigError(`${from} has "${name}", which is no host such as store.example.com.`)
  })
}

function parseDays({ text, from }: Given): number {
  const days = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && days <= 36_500) return days
  throw new ConfigError(`${from} is "${text}", which is no number of days: 0 to 36500.`)
}
