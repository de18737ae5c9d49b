import { realpathSync } from 'node:fs'
import type { InstalledEngine } from '../core/engine/installed-engine.ts'
import { type CopyOptions, type CopyReport, copy } from '../core/upkeep/copy.ts'
import { type EngineAddress, openEngine } from '../engines/open.ts'
import type { PostgresAddress } from '../engines/postgres/link/address.ts'
import { DataFolder } from './data-folder.ts'
import { noData, StartError } from './start-error.ts'

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
  if (from.kind === 'folder' && !DataFolder.holdsLmdb(from.path)) throw noData(from.path)
  if (isSame(from, to)) throw new StartError('Data can not be copied to where it is.')
  return withEngine(from, (source) => withEngine(to, (target) => copy(source, target, options)))
}

async function withEngine<T>(
  place: Place,
  use: (engine: InstalledEngine) => Promise<T>,
): Promise<T> {
  if (place.kind === 'database') {
    return useOpened({ name: 'postgresql', database: place.address }, use)
  }
  const folder = await DataFolder.open(place.path)
  try {
    return await useOpened({ name: 'lmdb', folder: folder.openLmdbFolder() }, use)
  } finally {
    folder.close()
  }
}

async function useOpened<T>(
  address: EngineAddress,
  use: (engine: InstalledEngine) => Promise<T>,
): Promise<T> {
  const engine = await openEngine(address)
  try {
    const { whyNot } = await engine.health()
    if (whyNot !== undefined) throw new StartError(whyNot)
    return await use(engine)
  } finally {
    await engine.close()
  }
}

/** A database under two addresses is found by what is in it: a copy never goes over data. */
function isSame(from: Place, to: Place): boolean {
  if (from.kind === 'database')
    return to.kind === 'database' && String(from.address) === String(to.address)
  if (to.kind === 'database' || !DataFolder.holds(to.path, '.')) return false
  return realpathSync(from.path) === realpathSync(to.path)
}
