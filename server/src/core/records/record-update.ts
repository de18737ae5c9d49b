import { innerIdBytes } from '../disk/keyspace.ts'
import type { Revision } from '../engine/engine.ts'
import { OnceOnly, type RepeatableRequest } from '../idempotency/repeatable.ts'
import type { Caller } from '../identity/caller.ts'
import type { StoreSnapshot } from '../identity/store-reader.ts'
import { assert } from '../kernel/assert.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { decodeInfo } from '../values/record-info.ts'
import type { Condition, StoreRecord, WholeRecord } from './record.ts'
import { headOf } from './record.ts'
import type { RecordParts } from './record-parts.ts'
import { infoOfWhole, type Replaced } from './record-write.ts'
import { changeRecords, type Decision, type RecordChange, type Written } from './record-writer.ts'
import { assertContentType, assertOpensNoStore, assertRecordKey } from './validate.ts'

/** The new value of a record. */
export interface NewValue extends Omit<WholeRecord, 'key'> {
  /** False: the value stays as it is. */
  readonly isChanged: boolean
}

/**
 * Computes a value from the record that is there; undefined: there is none. Returning undefined
 * deletes the record. Runs again if another server was faster. The record's value is disposed of at
 * the end.
 */
export type Compute = (before: StoreRecord | undefined) => Promise<NewValue | undefined>

/** The value after an update. */
export interface Updated {
  readonly contentType: string
  /** Undefined: the update was done before, and its value was too long to be remembered. */
  readonly bytes: Bytes | undefined
  /** The revision that the update wrote, or that was there if it changed nothing. */
  readonly revision: Revision
}

/** What is remembered of an update for its repetitions; null: there is no record after it. */
type UpdateResult = {
  readonly contentType: string
  /** The value in UTF-8. */
  readonly text?: string
  /** Of a value that stays as it is. */
  readonly revision?: Revision
} | null

export interface UpdateOptions {
  readonly condition?: Condition | undefined
  readonly request?: RepeatableRequest | undefined
  /** How the store's statistics count it. */
  readonly use?: 'write' | 'delete'
}

/** Updates one record, see `Store.update`. */
export async function updateRecord(
  parts: RecordParts,
  { storeId, caller }: { storeId: string; caller: Caller },
  wanted: UpdateOptions & { key: string; compute: Compute },
): Promise<Updated | undefined> {
  const { key, compute, condition, request, use = 'write' } = wanted
  assertRecordKey(key)
  assertOpensNoStore(key, storeId)
  const subject = { storeId, recordKey: key }
  let value: NewValue | undefined
  const once = request && new OnceOnly<UpdateResult>(parts, request, subject)
  const change: RecordChange<UpdateResult> = {
    storeId,
    caller,
    keys: [key],
    condition,
    once,
    needsValues: true,
    use,
    decide: async ([before], snapshot) => {
      const record = recordOf(parts, key, snapshot)
      value = await computed(compute, record)
      return decisionOf(parts, { key, before, record, value })
    },
  }
  // While it runs, the value that it reads is not removed, although the record may be replaced.
  const changed = await parts.values.look(() => changeRecords(parts, change))
  return updatedOf(changed, once?.isRepetition ? undefined : value?.bytes)
}

/** `bytes` is the value, unless the update was done before. */
function updatedOf(
  { result, revision = result?.revision }: Written<UpdateResult>,
  bytes: Bytes | undefined,
): Updated | undefined {
  if (result === null) return undefined
  assert(revision !== undefined, 'A record has a revision.')
  const { contentType, text } = result
  const remembered = text === undefined ? undefined : Buffer.from(text)
  return { contentType, bytes: bytes ?? remembered, revision }
}

/** The caller disposes of its value. */
function recordOf(
  { values }: RecordParts,
  key: string,
  { entries: [entry] }: StoreSnapshot,
): StoreRecord | undefined {
  if (!entry) return undefined
  const info = decodeInfo(entry)
  return { ...headOf(key, info, entry.revision), value: values.open(info) }
}

async function computed(
  compute: Compute,
  record: StoreRecord | undefined,
): Promise<NewValue | undefined> {
  try {
    const value = await compute(record)
    if (!value) return undefined
    assertContentType(value.contentType)
    if (value.bytes.length <= limits.jsonViewBytesMax) return value
  } finally {
    record?.value[Symbol.dispose]()
  }
  const rule = `at most ${limits.jsonViewBytesMax} bytes`
  throw new StorageError('value-too-large', `A value that is updated may have ${rule}.`)
}

function decisionOf(
  { environment, clock }: RecordParts,
  wanted: {
    key: string
    before: Replaced | undefined
    record: StoreRecord | undefined
    value: NewValue | undefined
  },
): Decision<UpdateResult> {
  const { key, before, record, value } = wanted
  if (!value) {
    return { replacements: before ? [{ key, before, next: undefined }] : [], result: null }
  }
  const { contentType, bytes, isChanged } = value
  const isShort = bytes.length <= limits.rememberedValueBytesMax
  const text = isShort ? { text: Buffer.from(bytes).toString('utf8') } : {}
  if (!isChanged && record) {
    return { replacements: [], result: { contentType, ...text, revision: record.revision } }
  }
  const createValueId = (): Bytes => environment.randomBytes(innerIdBytes)
  const placed = infoOfWhole({ ...value, key }, { now: clock.now(), createValueId })
  return { replacements: [{ key, before, ...placed }], result: { contentType, ...text } }
}
