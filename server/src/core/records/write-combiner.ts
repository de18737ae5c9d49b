import { isStorageAway } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { Actor } from '../log/actor.ts'
import type { WholeRecord } from './record.ts'
import type { Replaced } from './record-write.ts'

/** The new record of a key; undefined deletes it. */
export interface WantedRecord {
  readonly key: string
  readonly record: WholeRecord | undefined
}

/** The changes of one call: all or none are made. */
export interface Call {
  readonly changes: readonly WantedRecord[]
  /** True: only keys that do not exist are written. */
  readonly onlyAbsent: boolean
}

interface Waiting extends Call {
  /** `existed` says, for each change, whether its key existed before. */
  resolve(existed: readonly boolean[]): void
  reject(error: unknown): void
}

interface Group {
  readonly storeId: string
  readonly actor: Actor | undefined
  readonly calls: Waiting[]
  readonly keys: Set<string>
  bytes: number
}

/**
 * Commits calls together, as if they were made one after the other. Returns what each call found.
 */
type CommitAll = (
  calls: readonly Call[],
  keys: readonly string[],
) => Promise<readonly (readonly boolean[])[]>

/**
 * Combines the calls of one actor in the same turn of the event loop, such as pipelined commands,
 * into one commit: together they cost little more than the first alone.
 */
export class WriteCombiner {
  #open: Group | undefined

  /** Calls of the same actor and store are committed by the `commitAll` of the first of them. */
  run(
    { storeId, actor }: Pick<Group, 'storeId' | 'actor'>,
    call: Call,
    commitAll: CommitAll,
  ): Promise<readonly boolean[]> {
    return new Promise((resolve, reject) => {
      const bytes = call.changes.reduce((sum, { record }) => sum + (record?.bytes.length ?? 0), 0)
      const group = this.#groupFor({ storeId, actor, bytes, call }, commitAll)
      group.calls.push({ ...call, resolve, reject })
      for (const { key } of call.changes) group.keys.add(key)
      group.bytes += bytes
    })
  }

  #groupFor(
    wanted: Pick<Group, 'storeId' | 'actor' | 'bytes'> & { call: Call },
    commitAll: CommitAll,
  ): Group {
    const open = this.#open
    if (open && isFor(open, wanted)) return open
    const { storeId, actor } = wanted
    const group: Group = { storeId, actor, calls: [], keys: new Set(), bytes: 0 }
    this.#open = group
    queueMicrotask(() => {
      if (this.#open === group) this.#open = undefined
      void commitGroup(group, commitAll)
    })
    return group
  }
}

function isFor(
  group: Group,
  { storeId, actor, bytes, call }: Pick<Group, 'storeId' | 'actor' | 'bytes'> & { call: Call },
): boolean {
  if (actor === undefined || group.actor !== actor || group.storeId !== storeId) return false
  const keyCount = group.keys.size + call.changes.length
  return (
    group.calls.length < limits.combinedCallsMax &&
    group.bytes + bytes <= limits.combinedValuesBytesMax &&
    keyCount <= limits.pageItemsMax
  )
}

/**
 * If the commit of several calls fails, each call is tried alone, since it may succeed. Not after
 * an unknown outcome: the calls may be stored already. And not while the storage is away: each call
 * would wait for it again.
 */
async function commitGroup({ calls, keys }: Group, commitAll: CommitAll): Promise<void> {
  try {
    const found = await commitAll(calls, [...keys])
    for (const [index, { resolve }] of calls.entries()) resolve(found[index] ?? [])
  } catch (error) {
    if (calls.length === 1 || isStorageAway(error)) for (const { reject } of calls) reject(error)
    else await commitEach(calls, commitAll)
  }
}

async function commitEach(calls: readonly Waiting[], commitAll: CommitAll): Promise<void> {
  for (const call of calls) {
    try {
      const keys = new Set(call.changes.map(({ key }) => key))
      const [existed] = await commitAll([call], [...keys])
      call.resolve(existed ?? [])
    } catch (error) {
      call.reject(error)
    }
  }
}

/** The final change of a key, and the record before all calls. */
export type FinalChange = WantedRecord & { readonly before: Replaced | undefined }

/** The result of calls that are applied one after the other to the existing records. */
export function playOut(
  calls: readonly Call[],
  entries: ReadonlyMap<string, Replaced | undefined>,
): { changes: readonly FinalChange[]; found: readonly (readonly boolean[])[] } {
  const last = new Map<string, WantedRecord>()
  const isThere = (key: string): boolean => {
    const change = last.get(key)
    return change ? change.record !== undefined : entries.get(key) !== undefined
  }
  const found = calls.map(({ changes, onlyAbsent }) => {
    const existed = changes.map(({ key }) => isThere(key))
    for (const [index, change] of changes.entries()) {
      const isWanted = onlyAbsent ? !existed[index] : existed[index] || change.record !== undefined
      if (isWanted) last.set(change.key, change)
    }
    return existed
  })
  const changes = [...last.values()]
    .map((change) => ({ ...change, before: entries.get(change.key) }))
    .filter(({ record, before }) => record !== undefined || before !== undefined)
  return { changes, found }
}
