import type { Entry, StorageEngine } from '../engine/engine.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { readCopyMark } from './copy-mark.ts'
import { formatKey } from './keyspace.ts'

/**
 * The version of everything in `keyspace.ts` and of the entries' encodings; `docs/format.md`
 * describes it.
 */
export const formatVersion = 4

/**
 * Writes the format entry into an empty engine, and checks it in any other. Data of an earlier
 * format gets this one, so that no earlier Coatcheck opens it any more: it would not understand
 * what this one writes. `isReadOnly`: writes nothing.
 * Throws `storage-unavailable` for a newer format, for an incomplete copy and, with `isReadOnly`,
 * for an empty engine.
 */
export async function openFormat(
  engine: StorageEngine,
  environment: Environment,
  { isReadOnly = false } = {},
): Promise<void> {
  const [entry] = await engine.get([formatKey])
  if (!entry && isReadOnly) throw unreadable('There is no data here: it has no format.')
  if (!entry) return addFormat(engine, environment)
  assertFormat(entry)
  const description = describe(entry)
  if (isReadOnly || description.version === formatVersion) return
  await raiseFormat(engine, { environment, entry, description })
}

/** Throws `storage-unavailable` unless this Coatcheck can read data of the entry's format. */
export function assertFormat(entry: Entry): void {
  if (entry.isDamaged) throw unreadable('The entry with the format of the data is damaged.')
  if (readCopyMark(entry)) {
    throw unreadable(
      'This copy is incomplete: run the same coatcheck copy command again until it has finished.',
    )
  }
  const { version } = describe(entry)
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

interface Description {
  /** A number, in all data that can be opened. */
  readonly version: unknown
  readonly createdAt: number
}

function describe({ value }: Entry): Description {
  return JSON.parse(Buffer.from(value).toString('utf8'))
}

/** Other servers may raise the format of the same database at the same time. */
async function raiseFormat(
  engine: StorageEngine,
  parts: { environment: Environment; entry: Entry; description: Description },
): Promise<void> {
  const { environment, entry, description } = parts
  const value = Buffer.from(JSON.stringify({ ...description, version: formatVersion }))
  const { applied } = await engine.commit({ checks: [entry], puts: [{ key: formatKey, value }] })
  if (!applied) return openFormat(engine, environment)
  environment.logError(
    `The data had format ${description.version} and has format ${formatVersion} from now on: ` +
      'earlier versions of Coatcheck refuse it.',
    undefined,
  )
}
