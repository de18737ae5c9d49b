import { LRUCache } from 'lru-cache'

/**
 * A cache of up to `entriesMax` entries: the one that was used longest ago goes first. Each counts
 * as a size of 1: for `max` the library sets up room for all of them at once, which takes 9 ms for
 * all caches of a server.
 */
export function lruCache<Key extends string | bigint, Value extends object | string>(
  entriesMax: number,
): LRUCache<Key, Value> {
  return new LRUCache({ maxSize: entriesMax, sizeCalculation: () => 1 })
}
