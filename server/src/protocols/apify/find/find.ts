import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { jsonReply } from '../../rest/replies.ts'
import { ownerOf } from '../../rest/routes.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { spellKey } from '../call/key-spelling.ts'
import { listing } from '../call/links.ts'
import { type FoundRecord, Search } from './search.ts'
import { readWanted } from './wanted.ts'

/**
 * POST /v2/key-value-stores/{store}/find `{"path", "text", "prefix", "after", "limit"}`: the
 * records whose values contain a text, in the order of their keys. One request looks at a bounded
 * part of the store; the next one continues at `nextAfter`, which is null at the end.
 */
export async function findRecords(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, listing(call))
  const wanted = readWanted(await readJsonObject(call, { isOptional: false }))
  using _ = takeRoom(call)
  const { items, scanned, skipped, nextAfter } = await new Search(call, store, wanted).run()
  return jsonReply(200, {
    data: {
      items: items.map(itemOf),
      scanned,
      skipped,
      nextAfter: nextAfter === undefined ? null : spellKey(nextAfter),
    },
  })
}

function itemOf({ head, place, excerpt }: FoundRecord): object {
  const { key, size, contentType } = head
  return { key: spellKey(key), size, contentType, path: place ?? null, excerpt }
}

/** Room for the values that a search holds. Throws `store-busy` if there is none. */
function takeRoom(call: ApifyCall): Disposable {
  const holding = call.finds.open(ownerOf(call))
  if (!holding.take(limits.findRoomBytes)) {
    throw new StorageError('store-busy', 'Too many searches are running. Try again.')
  }
  return { [Symbol.dispose]: () => holding.set(0) }
}
