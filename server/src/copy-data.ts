import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type CopyOptions, type CopyReport, copy } from './core/copy.ts'
import type { InstalledEngine } from './core/installed-engine.ts'
import { DataFolder } from './data-folder.ts'
import { type EngineAddress, openEngine } from './engines/open.ts'
import type { PostgresAddress } from './engines/postgres-address.ts'
import { StartError } from './start-error.ts'

const lmdbFolder = 'lmdb'
const lmdbFile = 'data.mdb'

/** Where an installation is: a data folder, or the address of a PostgreSQL database. */
export type Place =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'database'; readonly address: PostgresAddress }

/**
 * Copies the data of one place to another. Folders are held against everybody else meanwhile; the
 * servers of a database have to be stopped by whoever keeps them. Of a folder the data alone: the
 * token of the first start and dumps are files of their own, for people to copy.
 * Throws StartError, DataFolderError (FolderInUseError), EngineError, StorageError, CopyError.
 */
export async function copyData(
  { from, to }: { from: Place; to: Place },
  options: CopyOptions,
): Promise<CopyReport> {
  if (from.kind === 'folder' && !DataFolder.holds(from.path, join(lmdbFolder, lmdbFile))) {
    throw new StartError(`There is no data in ${from.path}.`)
  }
  if (isSame(from, to)) throw new StartError('Data can not be copied to where it is.')
  return withEngine(from, (source) => withEngine(to, (target) => copy(source, target, options)))
}

async function withEngine<T>(
  place: Place,
  use: (engine: InstalledEngine) => Promise<T>,
): Promise<T> {
  const folder = place.kind === 'folder' ? await DataFolder.open(place.path) : undefined
  try {
    const engine = await openEngine(addressOf(place, folder))
    return await useSound(engine, use).finally(() => engine.close())
  } finally {
    folder?.close()
  }
}

async function useSound<T>(
  engine: InstalledEngine,
  use: (engine: InstalledEngine) => Promise<T>,
): Promise<T> {
  const { whyNot } = await engine.health()
  if (whyNot !== undefined) throw new StartError(whyNot)
  return use(engine)
}

function addressOf(place: Place, folder: DataFolder | undefined): EngineAddress {
  if (place.kind === 'database') return { name: 'postgresql', database: place.address }
  return { name: 'lmdb', folder: folder?.openFolder(lmdbFolder) ?? place.path }
}

/** A database under two addresses is found by what is in it: a copy never goes over data. */
function isSame(from: Place, to: Place): boolean {
  if (from.kind === 'database')
    return to.kind === 'database' && String(from.address) === String(to.address)
  if (to.kind === 'database' || !DataFolder.holds(to.path, '.')) return false
  return realpathSync(from.path) === realpathSync(to.path)
}
