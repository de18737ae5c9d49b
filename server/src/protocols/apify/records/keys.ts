import { ownAccess } from '../../../core/access/access.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { RecordHead } from '../../../core/records/record.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { jsonReply } from '../../rest/replies.ts'
import { turnOf } from '../../rest/routes.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { keyOfSpelling, spellKey } from '../call/key-spelling.ts'
import { listing, recordUrls } from '../call/links.ts'
import { maySign } from '../call/signing.ts'
import { listSelected, selectionOf } from '../stores/collections.ts'

/** GET /v2/key-value-stores/{store}/keys, in the order of the keys' bytes. */
export async function listKeys(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, listing(call))
  const { query } = call
  const limit = query.limit()
  if (limit > limits.quickListItemsMax) await turnOf(call)
  // The empty key '' is a start key like any other.
  const exclusiveStartKey = query.given('exclusiveStartKey') ?? null
  const page = await listSelected(store, {
    selection: await selectionOf(call, store),
    startAfter: exclusiveStartKey === null ? undefined : keyOfSpelling(exclusiveStartKey),
    limit,
  })
  const urlOf = recordUrls(page.store, {
    baseUrl: call.request.baseUrl,
    maySign: await maySign(call, page.store),
    ownerAccess: ownAccess(call.principal, page.store),
  })
  const hasDetails = query.flag('details')
  const items = page.items.map((head) => {
    const spelling = spellKey(head.key)
    const item = { key: spelling, size: head.size, recordPublicUrl: urlOf(spelling) }
    return hasDetails ? { ...item, ...detailsOf(head) } : item
  })
  const last = items.at(-1)
  return jsonReply(200, {
    data: {
      items,
      count: items.length,
      limit,
      exclusiveStartKey,
      isTruncated: page.isTruncated,
      // Clients page until this is null: on the last page it must be there and null.
      nextExclusiveStartKey: page.isTruncated && last ? last.key : null,
    },
  })
}

/** What `details=1` adds to an item. Apify's listing has no such members. */
function detailsOf({ contentType, contentEncoding, modifiedAt, revision }: RecordHead): object {
  const encoding = contentEncoding === '' ? {} : { contentEncoding }
  return { contentType, ...encoding, modifiedAt: new Date(modifiedAt).toISOString(), revision }
}
