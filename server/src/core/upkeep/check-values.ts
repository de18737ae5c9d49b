import {
  chunkKey,
  chunkRange,
  chunkValueIdOf,
  contentIdOf,
  kindRange,
  recordNameOf,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Entry, StorageEngine } from '../engine/engine.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import { replacedInfo } from '../records/record-write.ts'
import { chunkCount, type RecordInfo } from '../values/record-info.ts'

/** The totals of the records of one content id. */
export interface ContentTotals {
  readonly storeId: string | undefined
  records: number
  bytes: number
}

interface ValueCheck {
  /** Every content that may have records, by its id in hex; their totals are filled in. */
  readonly contents: ReadonlyMap<string, ContentTotals>
  /**
   * Value ids in hex that something other than a record points to. The ids of records' values are
   * added.
   */
  readonly values: Set<string>
  readonly report: (problem: string) => void
  readonly onRecord: (done: number) => void
}

/** Reads every record and every chunk, and checks that all are complete and belong to something. */
export async function checkValues(
  engine: StorageEngine,
  { contents, values, report, onRecord }: ValueCheck,
): Promise<{ records: number; bytes: number }> {
  const totals = { records: 0, bytes: 0 }
  let done = 0
  for await (const entry of walk(engine, kindRange('record'))) {
    done += 1
    onRecord(done)
    const content = contents.get(asBuffer(contentIdOf(entry.key)).toString('hex'))
    const name = `Record ${JSON.stringify(recordNameOf(entry.key))}`
    const info = replacedInfo(entry)
    if (!info) report(`${name} is damaged.`)
    if (!content) report(`${name} belongs to no store.`)
    if (!content || !info) continue
    content.records += 1
    content.bytes += info.size
    const isLive = content.storeId !== undefined
    if (isLive) totals.records += 1
    if (isLive) totals.bytes += info.size
    const problem = await valueProblem(engine, info, { mayBeGone: !isLive, values })
    if (problem) report(`${name} ${problem}`)
  }
  await checkChunks(engine, { values, report })
  return totals
}

async function valueProblem(
  engine: StorageEngine,
  { place, size }: RecordInfo,
  { mayBeGone, values }: { mayBeGone: boolean; values: Set<string> },
): Promise<string | undefined> {
  if (place.kind === 'inline') {
    return place.bytes.length === size ? undefined : 'does not have the size that is stored for it.'
  }
  values.add(asBuffer(place.valueId).toString('hex'))
  if (mayBeGone) return undefined
  for (let index = 0; index < chunkCount(size); index += 1) {
    const [chunk] = await engine.get([chunkKey(place.valueId, index)])
    const expected = Math.min(limits.chunkBytes, size - index * limits.chunkBytes)
    if (!chunk || chunk.isDamaged || chunk.value.length !== expected) {
      return `has lost part ${index} of its value.`
    }
  }
  const [extra] = await engine.get([chunkKey(place.valueId, chunkCount(size))])
  return extra && 'has more parts than its size needs.'
}

/** Checks that something points to each value. One chunk per value is enough for that. */
async function checkChunks(
  engine: StorageEngine,
  { values, report }: Pick<ValueCheck, 'values' | 'report'>,
): Promise<void> {
  const { end } = kindRange('chunk')
  let start: Bytes = kindRange('chunk').start
  for (;;) {
    const page = await engine.scan({ start, end }, { limit: 1, bytes: 1 })
    const chunk: Entry | undefined = page.entries[0]
    if (!chunk) return
    const valueId = chunkValueIdOf(chunk.key)
    const name = asBuffer(valueId).toString('hex')
    if (!values.has(name)) report(`Value ${name} belongs to no record.`)
    start = chunkRange(valueId).end
  }
}
