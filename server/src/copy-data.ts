import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type CopyOptions, type CopyReport, type CopyTarget, copy } from './core/copy.ts'
import { DataFolder } from './data-folder.ts'
import { openEngine } from './engines/open.ts'
import { StartError } from './server.ts'

const lmdbFolder = 'lmdb'
const lmdbFile = 'data.mdb'

interface OpenPlace {
  readonly engine: CopyTarget
  close(): Promise<void>
}

/**
 * Copies the data of one place to another: folders that nobody serves. Of a folder the data alone:
 * the token of the first start and dumps are files of their own, for people to copy.
 * Throws StartError, DataFolderError, EngineError, StorageError, CopyError.
 */
export async function copyData(
  { from, to }: { from: string; to: string },
  options: CopyOptions,
): Promise<CopyReport> {
  if (!DataFolder.holds(from, join(lmdbFolder, lmdbFile))) {
    throw new StartError(`There is no data in ${from}.`)
  }
  if (isSame(from, to)) throw new StartError(`${from} can't be copied to itself.`)
  const source = await openPlace(from)
  try {
    const target = await openPlace(to)
    return await copy(source.engine, target.engine, options).finally(() => target.close())
  } finally {
    await source.close()
  }
}

/** Held against all others until it is closed. */
async function openPlace(path: string): Promise<OpenPlace> {
  const folder = await DataFolder.open(path)
  try {
    const engine = openEngine('lmdb', folder.openFolder(lmdbFolder))
    const close = async (): Promise<void> => {
      await engine.close()
      folder.close()
    }
    return { engine, close }
  } catch (error) {
    folder.close()
    throw error
  }
}

function isSame(from: string, to: string): boolean {
  return DataFolder.holds(to, '.') && realpathSync(from) === realpathSync(to)
}
