import type { Entry, StorageEngine } from '../engine/engine.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { readCopyMark } from './copy-mark.ts'
import { formatKey } from './keyspace.ts'

/**
 * The version of everything in `keyspace.ts` and of the entries' encodings; `docs/format.md`
 * describes it.
 */
export const formatVersion = 1

/**
 * Writes the format entry into an empty engine, and checks it in any other.
 * Throws `storage-unavailable` for a newer format, and for an incomplete copy.
 */
export async function openFormat(engine: StorageEngine, environment: Environment): Promise<void> {
  const [entry] = await engine.get([formatKey])
  if (!entry) return addFormat(engine, environment)
  return assertFormat(entry)
}

/** Throws `storage-unavailable` unless this Coatcheck can read data of the entry's format. */
export function assertFormat(entry: Entry): void {
  if (entry.isDamaged) throw unreadable('The entry with the format of the data is damaged.')
  if (readCopyMark(entry)) {
    throw unreadable(
      'This copy is incomplete: run the same coatcheck copy command again until it has finished.',
    )
  }
  const { version } = JSON.parse(Buffer.from(entry.value).toString('utf8'))
  if (typeof version === 'number' && version <= formatVersion) return
  const sentence = `The data has format ${version}, which a newer Coatcheck wrote; this one reads up to format ${formatVersion}.`
  throw unreadable(sentence)
}

function unreadable(sentence: string): StorageError {
  return new StorageError('storage-unavailable', sentence)
}

/**
 * Of several servers that open an empty engine at once, one writes the entry. That server may be
 * newer, so the others check the entry.
 */
async function addFormat(engine: StorageEngine, environment: Environment): Promise<void> {
  const value = Buffer.from(
    JSON.stringify({ version: formatVersion, createdAt: environment.now() }),
  )
  const checks = [{ key: formatKey, revision: undefined }]
  const { applied } = await engine.commit({ checks, puts: [{ key: formatKey, value }] })
  if (!applied) await openFormat(engine, environment)
}
