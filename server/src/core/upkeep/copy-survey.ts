import type { CopyTotals } from '../disk/copy-mark.ts'
import {
  contentIdOf,
  everyKey,
  formatKey,
  kindOf,
  kindRange,
  recordNameOf,
  storeIdOf,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Entry, StorageEngine } from '../engine/engine.ts'
import { IdentityCache } from '../identity/identity.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'

/** The data to copy. */
export interface Survey {
  /** The totals of all entries that can be read, without the format entry. */
  readonly totals: CopyTotals
  readonly damagedCount: number
  /** Readable names of the first damaged entries. */
  readonly damaged: readonly string[]
}

/** Whether this is the format entry, which is copied last. */
export function isFormat({ key }: Entry): boolean {
  return formatKey.equals(key)
}

export function bytesOf({ key, value }: Entry): number {
  return key.length + value.length
}

/** Reads everything once, so that damaged entries are reported before anything is copied. */
export async function survey(
  source: StorageEngine,
  onEntry: (done: CopyTotals) => void,
): Promise<Survey> {
  const totals = { entries: 0, bytes: 0 }
  const damaged: Bytes[] = []
  let damagedCount = 0
  for await (const entry of walk(source, everyKey)) {
    if (isFormat(entry)) continue
    if (entry.isDamaged) {
      damagedCount += 1
      if (damaged.length < limits.damagedEntriesNamedMax) damaged.push(entry.key)
      continue
    }
    totals.entries += 1
    totals.bytes += bytesOf(entry)
    onEntry(totals)
  }
  return { totals, damagedCount, damaged: await namesOf(source, damaged) }
}

async function namesOf(source: StorageEngine, keys: readonly Bytes[]): Promise<string[]> {
  if (!keys.some((key) => kindOf(key) === 'record')) return keys.map((key) => nameOf(key))
  const owners = await storesByContent(source)
  return keys.map((key) => nameOf(key, owners))
}

/** `record "photo" of store ...`, `change of store ...`, `chunk`. */
function nameOf(key: Bytes, owners: ReadonlyMap<string, string> = new Map()): string {
  const kind = kindOf(key)
  switch (kind) {
    case 'record': {
      const storeId = owners.get(asBuffer(contentIdOf(key)).toString('hex'))
      const of = storeId === undefined ? '' : ` of store ${storeId}`
      return `record ${JSON.stringify(recordNameOf(key))}${of}`
    }
    case 'store':
    case 'activity':
    case 'schema':
    case 'counter':
    case 'change':
    case 'changesTrimmed':
      return `${kind} of store ${storeIdOf(key)}`
    default:
      return kind ?? `key ${asBuffer(key).toString('hex')}`
  }
}

async function storesByContent(source: StorageEngine): Promise<Map<string, string>> {
  const owners = new Map<string, string>()
  const identities = new IdentityCache()
  for await (const entry of walk(source, kindRange('store'))) {
    if (entry.isDamaged) continue
    const { id, contentId } = identities.decode(storeIdOf(entry.key), entry).identity
    owners.set(contentId.toString('hex'), id)
  }
  return owners
}
