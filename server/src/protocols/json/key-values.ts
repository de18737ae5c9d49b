import type { Awaitable } from '../../core/kernel/awaitable.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { oneByOne } from '../../core/records/held-records.ts'
import type { StoreRecord } from '../../core/records/record.ts'
import type { SeedPair } from '../../core/stores/seed.ts'
import type { Store } from '../../core/stores/store.ts'
import type { JsonText } from './json-text.ts'
import { ifReadable, isLongWork, jsonViewOf } from './json-value.ts'

type Turn = () => Awaitable<void>

/** Which pairs of a store are listed. */
interface Wanted {
  /** Only those whose keys begin with it. */
  readonly prefix?: string
  /** Only those whose JSON is no longer. */
  readonly lengthMax?: number
}

/** The pairs of a project that a JSON object gives. */
export interface GivenPairs {
  readonly pairs: readonly SeedPair[]
  /** How many members are `null`: they are left out, since `null` is no value for pages. */
  readonly leftOut: number
}

/** The members of a JSON object as pairs. */
export function pairsOf(object: JsonText): GivenPairs {
  const members = object.members()
  const valued = [...members].filter(([, value]) => value.kind !== 'null')
  const pairs = valued.map(([key, value]) => ({ key, json: value.text }))
  return { pairs, leftOut: members.size - pairs.length }
}

/** The JSON object of pairs. */
export function textOfPairs(pairs: readonly SeedPair[]): string {
  return `{${pairs.map(({ key, json }) => memberOf(key, json)).join(',')}}`
}

/**
 * All values of a store that are JSON, as one JSON object in parts, in the order of the keys'
 * bytes. `turn` waits until a long value may be decoded. Each record is as it was at one moment;
 * records without a JSON view are left out. Throws `record-damaged`: an object without its closing
 * brace is not complete.
 */
export async function* keyValuesParts(
  store: Store,
  turn: Turn,
  { prefix = '', lengthMax = Number.POSITIVE_INFINITY }: Wanted = {},
): AsyncGenerator<Bytes> {
  let part = ''
  for await (const text of keyValuesText(store, turn, { prefix, lengthMax })) {
    part += text
    if (part.length < limits.listedPairsPartLength) continue
    yield Buffer.from(part)
    part = ''
  }
  if (part !== '') yield Buffer.from(part)
}

async function* keyValuesText(
  store: Store,
  turn: Turn,
  { prefix, lengthMax }: Required<Wanted>,
): AsyncGenerator<string> {
  let isFirst = true
  let startAfter: string | undefined
  yield '{'
  for (;;) {
    const page = await store.list({ prefix, startAfter, limit: limits.listedPairsAtOnce })
    const records = await store.batch.get(page.items.map(({ key }) => key))
    for (const record of oneByOne(records)) {
      if (record && isLongWork(record)) await turn()
      const json = record && (await jsonOf(record, store))
      if (!record || json === undefined || json.length > lengthMax) continue
      yield `${isFirst ? '' : ','}${memberOf(record.key, json)}`
      isFirst = false
    }
    startAfter = page.items.at(-1)?.key
    if (!page.isTruncated) break
  }
  yield '}'
}

function memberOf(key: string, json: string): string {
  return `${JSON.stringify(key)}:${json}`
}

/** Undefined: what the record holds is not JSON, or too large for JSON doors. */
async function jsonOf(record: StoreRecord, store: Store): Promise<string | undefined> {
  const view = await ifReadable(() => jsonViewOf(record, store))
  return view?.kind === 'json' ? view.text : undefined
}
