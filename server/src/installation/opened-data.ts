import type { OperatorSecret } from '../core/access/operator.ts'
import { type Domain, openDomain } from '../core/domain.ts'
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

/** How an engine is opened: tests may have several servers share one. */
export type EngineOpener = (address: EngineAddress) => Promise<InstalledEngine>

/** All of the data, and how it is. */
export interface OpenedData {
  readonly domain: Domain
  readonly health: Health
}

interface DataParts {
  readonly config: Config
  readonly environment: Environment
  /** Undefined where the engine keeps no file in it. */
  readonly folder: DataFolder | undefined
  readonly operator: OperatorSecret | undefined
  readonly projectsAreOpen: boolean
  readonly open?: EngineOpener
}

const dayMs = 86_400_000

/**
 * Opens engine and domain, which `closers` close. Throws StartError where the engine does not
 * promise as much as is wished for, EngineError, StorageError.
 */
export async function openData(closers: Closer[], parts: DataParts): Promise<OpenedData> {
  const { config, environment, folder, open = openEngine } = parts
  const engine = await open(addressOf(config, folder))
  closers.push(() => engine.close())
  assertPromised(await engine.health(), config.durability)
  const unnamedRetentionMs = config.unnamedRetentionDays * dayMs
  const { operator, projectsAreOpen } = parts
  const settings = { unnamedRetentionMs, operator, projectsAreOpen }
  const domain = await openDomain(engine, environment, settings)
  closers.push(() => domain.close())
  return { domain, health: new Health({ engine, environment, wish: config.durability }) }
}

/**
 * The folder of a command, which makes none: undefined where it needs none. Throws StartError where
 * there is no data, FolderInUseError where somebody serves it, DataFolderError.
 */
export async function openFolderOfData({ engine, data }: Config): Promise<DataFolder | undefined> {
  const holdsData = engine === 'lmdb' && DataFolder.holdsLmdb(data)
  const folder = holdsData || DataFolder.isOne(data) ? await DataFolder.open(data) : undefined
  if (engine !== 'lmdb' || holdsData) return folder
  folder?.close()
  throw noData(data)
}

/**
 * Walks the data. Throws StartError, DataFolderError (FolderInUseError where the data lies in a
 * folder that somebody serves), EngineError where that can't be.
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

/** What is promised but not kept just now would only keep the server from serving as well. */
function assertPromised(engine: EngineHealth, wish: DurabilityWish): void {
  // What is only told once it serves would be too late.
  if (engine.whyNot !== undefined) throw new StartError(engine.whyNot)
  if (promises(engine, wish)) return
  const where = {
    none: 'ends with the process',
    single: "is on one machine's disk alone",
    replicated: 'is on the disks of several machines',
    degraded: 'should be on the disks of several machines',
  }[engine.durability]
  throw new StartError(
    `--durability ${wish} can't be kept: what this engine acknowledges ${where}.`,
  )
}
