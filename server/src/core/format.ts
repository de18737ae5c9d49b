import type { StorageEngine } from './engine.ts'
import type { Environment } from './environment.ts'
import { StorageError } from './errors.ts'
import { formatKey } from './keyspace.ts'

/**
 * The version of everything in `keyspace.ts` and of the entries' encodings; `docs/format.md`
 * describes it.
 */
export const formatVersion = 1

/**
 * Says in an empty engine which format it will hold, and looks at it in any other.
 * Throws `storage-unavailable` for a newer one.
 */
export async function openFormat(engine: StorageEngine, environment: Environment): Promise<void> {
  const [entry] = await engine.get([formatKey])
  if (!entry) {
    const value = Buffer.from(
      JSON.stringify({ version: formatVersion, createdAt: environment.now() }),
    )
    const checks = [{ key: formatKey, revision: undefined }]
    await engine.commit({ checks, puts: [{ key: formatKey, value }] })
    return
  }
  const { version } = JSON.parse(Buffer.from(entry.value).toString('utf8'))
  if (typeof version === 'number' && version <= formatVersion) return
  const sentence = `The data has format ${version}, which a newer Coatcheck wrote; this one reads up to format ${formatVersion}.`
  throw new StorageError('storage-unavailable', sentence)
}
