import { realpathSync } from 'node:fs'
import type { InstalledEngine } from '../core/engine/installed-engine.ts'
import { type CopyOptions, type CopyProgress, type CopyReport, copy } from '../core/upkeep/copy.ts'
import { type EngineAddress, openEngine } from '../engines/open.ts'
import type { PostgresAddress } from '../engines/postgres/link/address.ts'
import { DataFolder } from './folder/data-folder.ts'
import { noData, StartError } from './start-error.ts'

/** Where the data is: in a data folder, or in a PostgreSQL database. */
export type Place =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'database'; readonly address: PostgresAddress }

export interface CopyDataOptions extends CopyOptions {
  /** Whether data folders that other users of the machine may write to are accepted. */
  readonly isInsecureTaken: boolean
}

/**
 * Copies the data of one place to another. Folders are locked meanwhile; people must stop the
 * servers of a database. Of a folder only the data is copied: people copy other files, such as the
 * first token and dumps, by hand. Throws StartError, DataFolderError (FolderInUseError),
 * EngineError, StorageError, CopyError.
 */
export async function copyData(
  { from, to }: { from: Place; to: Place },
  { isInsecureTaken, ...options }: CopyDataOptions,
): Promise<CopyReport> {
  if (from.kind === 'folder' && !DataFolder.holdsLmdb(from.path)) throw noData(from.path)
  if (isSame(from, to)) throw new StartError('The source and the target are the same place.')
  let hasBegun = false
  const onProgress = (progress: CopyProgress): void => {
    hasBegun ||= progress.phase !== 'reading'
    options.onProgress?.(progress)
  }
  const copyTo = (source: InstalledEngine): Promise<CopyReport> =>
    withEngine(to, (target) => copy(source, target, { ...options, onProgress }), {
      isReadOnly: false,
      isInsecureTaken,
      isKept: () => hasBegun,
    })
  return withEngine(from, copyTo, { isReadOnly: true, isInsecureTaken, isKept: () => true })
}

/** `isKept` says whether to keep a folder that was made for this, if `use` fails. */
async function withEngine<T>(
  place: Place,
  use: (engine: InstalledEngine) => Promise<T>,
  {
    isReadOnly,
    isInsecureTaken,
    isKept,
  }: { isReadOnly: boolean; isInsecureTaken: boolean; isKept(): boolean },
): Promise<T> {
  if (place.kind === 'database') {
    // Not as a snapshot, even to read it: a server that writes meanwhile must be noticed.
    return useOpened({ name: 'postgresql', database: place.address }, { isReadOnly: false }, use)
  }
  const open = isReadOnly ? DataFolder.openToRead : DataFolder.open
  const folder = await open(place.path, { isInsecureTaken })
  try {
    const engine = { name: 'lmdb', folder: folder.openLmdbFolder() } as const
    return await useOpened(engine, { isReadOnly }, use)
  } catch (error) {
    if (!isKept()) folder.removeMade()
    throw error
  } finally {
    folder.close()
  }
}

async function useOpened<T>(
  address: EngineAddress,
  { isReadOnly }: { isReadOnly: boolean },
  use: (engine: InstalledEngine) => Promise<T>,
): Promise<T> {
  const engine = await openEngine(address, undefined, { isReadOnly })
  try {
    const { whyNot } = await engine.health()
    if (whyNot !== undefined) throw new StartError(whyNot)
    return await use(engine)
  } finally {
    await engine.close()
  }
}

/**
 * Does not notice a database that has two addresses. The copy itself does: it never overwrites
 * data.
 */
function isSame(from: Place, to: Place): boolean {
  if (from.kind === 'database')
    return to.kind === 'database' && String(from.address) === String(to.address)
  if (to.kind === 'database' || !DataFolder.holds(to.path, '.')) return false
  return realpathSync(from.path) === realpathSync(to.path)
}
