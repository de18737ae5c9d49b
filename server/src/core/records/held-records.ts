import { type Awaitable, orElse } from '../kernel/awaitable.ts'
import type { StoreRecord } from './record.ts'

type Found = StoreRecord | undefined

/** Runs `work`, which needs these records, and then disposes of their values. */
export function whileHeld<T>(records: readonly Found[], work: () => Awaitable<T>): Awaitable<T> {
  const done = orElse(work, (error) => {
    letGo(records)
    throw error
  })
  if (done instanceof Promise) return done.finally(() => letGo(records))
  letGo(records)
  return done
}

/**
 * The records one after the other. The value of each is disposed of when the next one is taken, and
 * all of them at the end, also if it comes early.
 */
export function* oneByOne(records: readonly Found[]): Generator<Found> {
  try {
    for (const record of records) {
      yield record
      record?.value[Symbol.dispose]()
    }
  } finally {
    letGo(records)
  }
}

function letGo(records: readonly Found[]): void {
  for (const record of records) record?.value[Symbol.dispose]()
}
