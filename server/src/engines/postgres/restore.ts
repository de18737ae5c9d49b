import { decodeCounter } from '../../core/engine/counter.ts'
import type { Entry, Revision } from '../../core/engine/engine.ts'
import { asBuffer } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { Upsert } from './batch.ts'
import { commitAll } from './commit.ts'
import { engineErrorOf } from './link/failure.ts'
import type { Session } from './link/session.ts'
import { raiseRevision, takeRevisions, writeAll } from './statements.ts'

export interface Restored {
  readonly entries: readonly Entry[]
  readonly newest: Revision
}

/** See `InstalledEngine.restore`. Returns the newest revision. Throws EngineError. */
export async function restoreEntries(
  session: Session,
  { entries, newest }: Restored,
): Promise<Revision> {
  const revision = await writeEntries(session, { entries, newest })
  const notice = { before: revision, newest: revision, logs: undefined }
  await commitAll(session, { deletes: [], upserts: [] }, notice)
  return revision
}

async function writeEntries(session: Session, { entries, newest }: Restored): Promise<Revision> {
  try {
    await session.tell('begin isolation level read committed')
    const revision = (await takeRevisions(session, 1)) + 1
    for (const upserts of portions(entries)) {
      await Promise.all(writeAll(session, { deletes: [], upserts }))
    }
    return (await raiseRevision(session, newest)) ? newest : revision
  } catch (error) {
    await Promise.allSettled([session.tell('rollback')])
    throw engineErrorOf(error)
  }
}

function* portions(entries: readonly Entry[]): Generator<Upsert[]> {
  const { postgresRestoredBytesMax: bytesMax, postgresRestoredEntriesMax: countMax } = limits
  let portion: Upsert[] = []
  let bytes = 0
  for (const entry of entries) {
    portion.push(upsertOf(entry))
    bytes += entry.key.length + entry.value.length
    if (bytes < bytesMax && portion.length < countMax) continue
    yield portion
    portion = []
    bytes = 0
  }
  if (portion.length > 0) yield portion
}

function upsertOf({ key, value, revision, isCounter }: Entry): Upsert {
  const name = asBuffer(key)
  if (isCounter) return { key: name, value: undefined, total: decodeCounter(value), revision }
  return { key: name, value, total: undefined, revision }
}
