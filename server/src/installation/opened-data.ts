import { resolve } from 'node:path'
import type { OperatorSecret } from '../core/access/operator.ts'
import { openFormat } from '../core/disk/format.ts'
import { formatKey, kindRange } from '../core/disk/keyspace.ts'
import { type Domain, openDomain, type Watching } from '../core/domain.ts'
import { EngineWatch } from '../core/engine/engine-watch.ts'
import { GuardedEngine } from '../core/engine/guarded-engine.ts'
import type { EngineHealth, InstalledEngine } from '../core/engine/installed-engine.ts'
import { floorAfter } from '../core/engine/revision-floor.ts'
import { assert } from '../core/kernel/assert.ts'
import type { Environment } from '../core/kernel/environment.ts'
import { type CheckOptions, type CheckReport, check } from '../core/upkeep/check.ts'
import { type DurabilityWish, Health, promises } from '../core/upkeep/health.ts'
import { damageOf, type EngineAddress, openEngine } from '../engines/open.ts'
import type { Closer } from './closers.ts'
import type { Config } from './config.ts'
import { DataFolder } from './folder/data-folder.ts'
import { noData, StartError } from './start-error.ts'

/** Opens an engine. Tests replace it, to let several servers share one engine. */
export type EngineOpener = (
  address: EngineAddress,
  log: (sentence: string) => void,
  options: { readonly isReadOnly: boolean },
) => Promise<InstalledEngine>

/** All data, and the health of its engine. */
export interface OpenedData {
  readonly domain: Domain
  readonly health: Health
}

interface DataParts {
  readonly config: Config
  readonly environment: Environment
  /** Undefined if the engine keeps no file in it. */
  readonly folder: DataFolder | undefined
  readonly operator: OperatorSecret | undefined
  readonly projectsAreOpen: boolean
  /** Whether nothing is written: see `DomainOptions`. */
  readonly isReadOnly?: boolean
  readonly watching?: Watching
  readonly open?: EngineOpener
}

const dayMs = 86_400_000

/**
 * Opens the engine and the domain, which `closers` close. Throws StartError if the engine promises
 * less than `config.durability` asks for, EngineError, StorageError.
 */
export async function openData(closers: Closer[], parts: DataParts): Promise<OpenedData> {
  const { config, environment, folder, isReadOnly = false, open = openEngine } = parts
  const log = (sentence: string): void => environment.logError(sentence, undefined)
  const engine = await open(addressOf(config, folder), log, { isReadOnly })
  closers.push(() => engine.close())
  const { notes = [], findings = [] } = engine.opening ?? {}
  if (!isReadOnly) for (const sentence of [...notes, ...findings]) log(sentence)
  assertPromised(await engine.health(), config.durability)
  await openFormat(new GuardedEngine(engine), environment, { isReadOnly })
  // LMDB's file holds the format after this, not only its journal: a program that does not know the
  // journal must find it too.
  if (!isReadOnly) await engine.moveOn((newest) => floorAfter(newest, environment))
  const unnamedRetentionMs = config.unnamedRetentionDays * dayMs
  const { operator, projectsAreOpen } = parts
  const watch = new EngineWatch(environment)
  const settings = { unnamedRetentionMs, operator, projectsAreOpen, watch, isReadOnly }
  const { watching } = parts
  const domain = await openDomain(engine, environment, {
    ...settings,
    ...(watching && { watching }),
  })
  closers.push(() => domain.close())
  const { clock } = domain
  const health = new Health({ engine, environment, clock, wish: config.durability, watch })
  return { domain, health }
}

/**
 * Throws StartError unless the place of the data holds an installation. Creates and writes nothing.
 * To be called before the data folder is opened. `patienceMs`: how long to wait for another process
 * that has the folder open.
 */
export async function assertInstalled(
  config: Config,
  { patienceMs }: { readonly patienceMs: number },
): Promise<void> {
  const place = config.engine === 'postgresql' ? 'the database' : resolve(config.data)
  if (config.engine === 'memory' || !(await isInstalled(config, { patienceMs }))) {
    throw new StartError(
      `There is no installation in ${place}, and --must-exist forbids making one. ` +
        'Is the place right, and is its disk mounted?',
    )
  }
}

/** Whether there is an installation, with a user. Creates and writes nothing. */
export async function isInstalled(config: Config, { patienceMs = 0 } = {}): Promise<boolean> {
  if (config.engine === 'lmdb' && !DataFolder.holdsLmdb(config.data)) return false
  const options = { isReadOnly: true, patienceMs }
  const folder = config.engine === 'lmdb' ? await openFolderOfData(config, options) : undefined
  try {
    const engine = await openEngine(addressOf(config, folder), undefined, { isReadOnly: true })
    return await hasUser(engine).finally(() => engine.close())
  } finally {
    folder?.close()
  }
}

async function hasUser(engine: InstalledEngine): Promise<boolean> {
  const { entries } = await engine.scan(kindRange('user'), { limit: 1, bytes: 1 })
  return entries.length > 0
}

/**
 * Opens the data folder for a command, and never creates one. Undefined if the command needs none.
 * Throws StartError if there is no data, FolderInUseError if another process has the folder open,
 * DataFolderError.
 */
export async function openFolderOfData(
  config: Config,
  { isReadOnly = false, patienceMs = 0 } = {},
): Promise<DataFolder | undefined> {
  const { engine, data, isInsecureFolderTaken: isInsecureTaken } = config
  const holdsData = engine === 'lmdb' && DataFolder.holdsLmdb(data)
  const open = isReadOnly ? DataFolder.openToRead : DataFolder.open
  const isOurs = holdsData || DataFolder.isOne(data)
  const folder = isOurs ? await open(data, { isInsecureTaken, patienceMs }) : undefined
  if (engine !== 'lmdb' || holdsData) return folder
  folder?.close()
  throw noData(data)
}

/**
 * Checks all data, of a database as it is at one moment. Writes nothing. Throws StartError,
 * DataFolderError (FolderInUseError if another process has the folder open), EngineError if the
 * data can't be opened.
 */
export async function checkData(config: Config, options: CheckOptions): Promise<CheckReport> {
  if (config.engine === 'memory') throw new StartError('The memory engine keeps nothing to check.')
  const isReadOnly = true
  const folder =
    config.engine === 'lmdb' ? await openFolderOfData(config, { isReadOnly }) : undefined
  try {
    const address = addressOf(config, folder)
    const damage = await damageOf(address, options.onProgress)
    if (damage.count > 0) return unopened(damage.sentences, damage.count)
    const engine = await openEngine(address, undefined, { isReadOnly })
    return await checkEngine(engine, config, options).finally(() => engine.close())
  } finally {
    folder?.close()
  }
}

/** The engine could end the process if it opened such files. */
function unopened(problems: readonly string[], problemCount: number): CheckReport {
  const notes = ['The data was not opened, so nothing else was checked.']
  return { stores: 0, records: 0, bytes: 0, problems, problemCount, notes }
}

async function checkEngine(
  engine: InstalledEngine,
  config: Config,
  options: CheckOptions,
): Promise<CheckReport> {
  const [format] = await engine.get([formatKey])
  // LMDB's file is empty after a loss of power during the very first start; a database is a wrong
  // one.
  if (!format && config.engine === 'postgresql') throw noData('the database')
  return { ...(await check(engine, options)), notes: engine.opening?.findings ?? [] }
}

/** Where the engine's data is. `folder`: of LMDB. */
export function addressOf(
  { engine, database }: Config,
  folder: DataFolder | undefined,
): EngineAddress {
  if (engine === 'memory') return { name: 'memory' }
  if (engine === 'postgresql') {
    assert(database !== undefined, 'A database has an address.')
    return { name: 'postgresql', database }
  }
  assert(folder !== undefined, 'LMDB has a folder.')
  return { name: 'lmdb', folder: folder.openLmdbFolder() }
}

/**
 * Checks what the engine promises, not whether it keeps the promise at the moment: a server that
 * then refused to start would only be unavailable as well. Throws StartError.
 */
function assertPromised(engine: EngineHealth, wish: DurabilityWish): void {
  // Fails here, because after the start it would be too late to say so.
  if (engine.whyNot !== undefined) throw new StartError(engine.whyNot)
  if (promises(engine, wish)) return
  const where = {
    none: 'are lost when the process ends',
    single: "are on one machine's disk only",
    replicated: 'are on the disks of several machines',
    degraded: 'should be on the disks of several machines',
    unknown: 'are on disks that nobody knows',
  }[engine.durability]
  throw new StartError(
    `--durability ${wish} can't be kept: writes that this engine acknowledges ${where}.`,
  )
}
