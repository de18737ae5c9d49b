import type { RemoteStore } from '../network/client.ts'
import { readStamp, stampValue } from './stamped-value.ts'

/** More puts than fit on a small disk. */
const putsMax = 40_000
const refusalsWanted = 20

/** What `fill` did. */
export interface Filled {
  readonly acknowledged: string[]
  /** Refused with 507: certainly not stored. */
  readonly full: string[]
  readonly statuses: Set<number>
}

/** Puts records of one size until `refusals` of them are refused, or `puts` are sent. */
export async function fill(
  store: RemoteStore,
  {
    size,
    connections,
    prefix = 'key-',
    refusals = refusalsWanted,
    puts = putsMax,
  }: { size: number; connections: number; prefix?: string; refusals?: number; puts?: number },
): Promise<Filled> {
  const filled: Filled = { acknowledged: [], full: [], statuses: new Set() }
  let next = 0
  let refused = 0
  const work = async (): Promise<void> => {
    while (refused < refusals && next < puts) {
      next += 1
      const key = `${prefix}${next}`
      const { status } = await store.put(key, stampValue({ key, number: 1 }, size))
      filled.statuses.add(status)
      if (status === 201) filled.acknowledged.push(key)
      else refused += 1
      if (status === 507) filled.full.push(key)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  return filled
}

/** Those of these records that are missing or differ from what was sent. */
export async function wrongRecords(store: RemoteStore, keys: readonly string[]): Promise<string[]> {
  const wrong: string[] = []
  const waiting = [...keys]
  const work = async (): Promise<void> => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      const { status, body } = await store.get(key)
      if (status !== 200 || readStamp(key, body) !== 1) wrong.push(`${key}: ${status}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return wrong
}
