import type { OperatorSecret } from '../core/access/operator.ts'
import { type Domain, openDomain } from '../core/domain.ts'
import { EngineWatch } from '../core/engine/engine-watch.ts'
import type { EngineHealth, InstalledEngine } from '../core/engine/installed-engine.ts'
import { assert } from '../core/kernel/assert.ts'
import type { Environment } from '../core/kernel/environment.ts'
import { type CheckOptions, type CheckReport, check } from '../core/upkeep/check.ts'
import { type DurabilityWish, Health, promises } from '../core/upkeep/health.ts'
import { type EngineAddress, openEngine } from '../engines/open.ts'
import type { Closer } from './closers.ts'
import type { Config } from './config.ts'
import { DataFolder } from './data-folder.ts'
import { noData, StartError } from './start-error.ts'

/** Opens an engine. Tests replace it, to let several servers share one engine. */
export type EngineOpener = (
  address: EngineAddress,
  log: (sentence: string) => void,
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
  readonly open?: EngineOpener
}

const dayMs = 86_400_000

/**
 * Opens the engine and the domain, which `closers` close. Throws StartError if the engine promises
 * less than `config.durability` asks for, EngineError, StorageError.
 */
export async function openData(closers: Closer[], parts: DataParts): Promise<OpenedData> {
  const { config, environment, folder, open = openEngine } = parts
  const log = (sentence: string): void => environment.logError(sentence, undefined)
  const engine = await open(addressOf(config, folder), log)
  closers.push(() => engine.close())
  assertPromised(await engine.health(), config.durability)
  const unnamedRetentionMs = config.unnamedRetentionDays * dayMs
  const { operator, projectsAreOpen } = parts
  const watch = new EngineWatch(environment)
  const settings = { unnamedRetentionMs, operator, projectsAreOpen, watch }
  const domain = await openDomain(engine, environment, settings)
  closers.push(() => domain.close())
  return { domain, health: new Health({ engine, environment, wish: config.durability, watch }) }
}

/**
 * Opens the data folder for a command, and never creates one. Undefined if the command needs none.
 * Throws StartError if there is no data, FolderInUseError if another process has the folder open,
 * DataFolderError.
 */
export async function openFolderOfData(config: Config): Promise<DataFolder | undefined> {
  const { engine, data, isInsecureFolderTaken: isInsecureTaken } = config
  const holdsData = engine === 'lmdb' && DataFolder.holdsLmdb(data)
  const isOurs = holdsData || DataFolder.isOne(data)
  const folder = isOurs ? await DataFolder.open(data, { isInsecureTaken }) : undefined
  if (engine !== 'lmdb' || holdsData) return folder
  folder?.close()
  throw noData(data)
}

/**
 * Checks all data. Throws StartError, DataFolderError (FolderInUseError if another process has the
 * folder open), EngineError if the data can't be opened.
 */
export async function checkData(config: Config, options: CheckOptions): Promise<CheckReport> {
  if (config.engine === 'memory') throw new StartError('The memory engine keeps nothing to check.')
  const folder = config.engine === 'lmdb' ? await openFolderOfData(config) : undefined
  try {
    const engine = await openEngine(addressOf(config, folder))
    return await check(engine, options).finally(() => engine.close())
  } finally {
    folder?.close()
  }
}

function addressOf({ engine, database }: Config, folder: DataFolder | undefined): EngineAddress {
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
