import { innerIdBytes, recordKey } from '../disk/keyspace.ts'
import { OnceOnly, type RepeatableRequest } from '../idempotency/repeatable.ts'
import type { Caller } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { assert } from '../kernel/assert.ts'
import { andThen } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { whileLive } from '../values/live-uses.ts'
import type { RecordInfo } from '../values/record-info.ts'
import { Upload } from '../values/upload.ts'
import { assertCondition } from './condition.ts'
import type { Condition, NewRecord, PutResult } from './record.ts'
import type { RecordParts } from './record-parts.ts'
import { placeValue } from './record-write.ts'
import { changeRecords, type Decision } from './record-writer.ts'
import { assertContentType, assertOpensNoStore, assertRecordKey } from './validate.ts'

/** The store that a record is put into, and the caller who puts it. */
export interface PutTarget {
  readonly storeId: string
  readonly caller: Caller
  /** Throws if the caller may no longer use the store. */
  assertStill(): Promise<void>
}

interface PutRequest {
  readonly record: NewRecord
  readonly condition: Condition | undefined
  readonly once: OnceOnly<true> | undefined
}

/** Puts one record, see `Store.put`. */
export async function putRecord(
  parts: RecordParts,
  target: PutTarget,
  {
    record,
    condition,
    request,
  }: Omit<PutRequest, 'once'> & { request: RepeatableRequest | undefined },
): Promise<PutResult> {
  assertRecordKey(record.key)
  assertOpensNoStore(record.key, target.storeId)
  assertContentType(record.contentType)
  const { whole } = record.source
  const subject = { storeId: target.storeId, recordKey: record.key }
  const once = request && new OnceOnly<true>(parts, request, subject)
  const isShort = whole !== undefined && whole.length < limits.chunkBytes
  // Whether a request was done before is known once its whole value is: until then no condition.
  const early = once ? undefined : condition
  if (!isShort && early) await readBefore(parts, target, { record, condition: early })
  const first = isShort ? whole : await takeFirst(parts, target, record)
  if (first.length === limits.chunkBytes) {
    return putStreamed(parts, target, { record, condition, early, first, once })
  }
  const { environment } = parts
  const createValueId = (): Bytes => environment.randomBytes(innerIdBytes)
  const { place, chunks } = placeValue(first, createValueId)
  return commitPut(parts, target, {
    record,
    condition,
    once,
    decide: () => ({ size: first.length, place, chunks }),
  })
}

/**
 * The store before the write. The condition is checked early, so that a client does not send a long
 * value in vain: before the first byte is taken, and again when the value proves to be long. The
 * last commit decides.
 */
async function readBefore(
  { reader }: RecordParts,
  { storeId, caller }: PutTarget,
  { record, condition }: Pick<Put, 'record' | 'condition'>,
): Promise<StoreIdentity> {
  const { identity, entries } = await reader.read(storeId, {
    keysOf: ({ contentId }) => [recordKey(contentId, record.key)],
    caller,
  })
  assertCondition(condition, entries[0])
  return identity
}

/** The first chunk of a value: the wait for it ends when the caller loses the right to write. */
function takeFirst(
  { liveUses }: RecordParts,
  { assertStill }: PutTarget,
  { source }: NewRecord,
): Promise<Bytes> {
  return liveUses.during(source.take(limits.chunkBytes), assertStill)
}

interface StreamedPut extends PutRequest {
  /** The condition that is checked before the whole value was taken. */
  readonly early: Condition | undefined
  readonly first: Bytes
}

/** Stores a long value chunk by chunk; only the last commit makes it visible. */
async function putStreamed(
  parts: RecordParts,
  target: PutTarget,
  { record, condition, early, first, once }: StreamedPut,
): Promise<PutResult> {
  const { engine, liveUses } = parts
  const begun = await readBefore(parts, target, { record, condition: early })
  const upload = new Upload(engine, parts)
  using use = liveUses.begin(target.assertStill)
  await upload.receive(first, whileLive(record.source, use))
  const place = { kind: 'chunks', valueId: upload.valueId } as const
  const decide = async (now: StoreIdentity): Promise<Placed> => {
    await assertUploadHolds(upload, { begun, now })
    return { size: upload.size, place, complete: (write) => upload.closing(write) }
  }
  try {
    const put = await commitPut(parts, target, { record, condition, once, decide })
    if (once?.isRepetition) await upload.giveUp(undefined)
    return put
  } catch (error) {
    await upload.giveUp(error)
    throw error
  }
}

async function assertUploadHolds(
  upload: Upload,
  { begun, now }: { begun: StoreIdentity; now: StoreIdentity },
): Promise<void> {
  if (!begun.contentId.equals(now.contentId)) {
    throw new StorageError('store-cleared', 'The store was cleared during this upload.')
  }
  if (!(await upload.isAlive())) {
    throw new StorageError('upload-expired', 'The upload made no progress for too long.')
  }
}

/** Where the value of a put is stored, and what else its commit does. */
type Placed = Pick<RecordInfo, 'size' | 'place'> &
  Pick<Decision<true>, 'complete'> & { chunks?: ReturnType<typeof placeValue>['chunks'] }

interface Put extends PutRequest {
  decide(identity: StoreIdentity): Placed | Promise<Placed>
}

async function commitPut(
  parts: RecordParts,
  { storeId, caller }: PutTarget,
  { record, condition, once, decide }: Put,
): Promise<PutResult> {
  const { key, contentType, contentEncoding, jsonState = 'unchecked' } = record
  const { revision } = await changeRecords(parts, {
    storeId,
    caller,
    keys: [key],
    condition,
    once,
    use: 'write',
    decide: ([before], { identity }) =>
      andThen(decide(identity), ({ size, place, chunks = [], complete }) => {
        const modifiedAt = parts.clock.now()
        const next = { contentType, contentEncoding, size, modifiedAt, jsonState, place }
        const replacements = [{ key, before, next, chunks }]
        return { replacements, result: true as const, ...(complete && { complete }) }
      }),
  })
  assert(revision !== undefined, 'A put is always written.')
  return { revision }
}
