import { isOpen } from '../../../core/access/access.ts'
import type { StoreIdentity } from '../../../core/identity/identity.ts'
import type { UserAccess } from '../../../core/people/scope.ts'
import type { Link, Wanted } from './address.ts'
import type { ApifyCall } from './call.ts'
import { spellKey } from './key-spelling.ts'
import { isContentSignature, isRecordSignature, recordSigner, signContent } from './signatures.ts'

const hourMs = 3_600_000
/** For how long the links in a store object hold at least (Apify documents 14 days). */
const contentLinkMs = 14 * 24 * hourMs

/** What `?signature=` may open of a record: this one alone. */
export function recordLink({ query, key }: ApifyCall): Link | undefined {
  const signature = query.text('signature')
  if (signature === undefined || key === undefined) return undefined
  const spelling = spellKey(key)
  return ({ signingSecret: secret }) => isRecordSignature(signature, { secret, key: spelling })
}

/** What `?signature=` may open of a store: the list of its keys, and all of its records as one. */
export function contentLink({ query, environment }: ApifyCall): Link | undefined {
  const signature = query.text('signature')
  if (signature === undefined) return undefined
  // What begins in time may be finished: an archive is read for as long as it takes.
  const now = environment.now()
  return ({ id, signingSecret: secret }) =>
    isContentSignature(signature, { secret, storeId: id, now })
}

/** What a list of keys, or an archive of records, wants of its store. */
export function listing(call: ApifyCall): Wanted {
  return { action: 'read', extent: 'some', link: contentLink(call) }
}

interface Reader {
  readonly baseUrl: string
  /** Whether who gets the link may know the secret that signs. */
  readonly maySign: boolean
  /** What the store's owner set for stores that follow it. */
  readonly ownerAccess: UserAccess
}

/** Links that work for whoever has them: signed where nobody could follow them otherwise. */
export function contentUrls(
  store: StoreIdentity,
  { baseUrl, now, ...reader }: Reader & { readonly now: number },
): { readonly keysPublicUrl: string; readonly recordsPublicUrl: string } {
  const storeUrl = `${baseUrl}/v2/key-value-stores/${store.id}`
  const query = needsSignature(store, reader)
    ? `?signature=${signContent(store.signingSecret, {
        storeId: store.id,
        expiresAt: contentLinkEnd(now),
      })}`
    : ''
  return {
    keysPublicUrl: `${storeUrl}/keys${query}`,
    recordsPublicUrl: `${storeUrl}/records${query}`,
  }
}

/** As `contentUrls`, to the record whose key is spelled like that: as long as the secret lives. */
export function recordUrls(
  store: StoreIdentity,
  { baseUrl, ...reader }: Reader,
): (spelling: string) => string {
  const storeUrl = `${baseUrl}/v2/key-value-stores/${store.id}`
  const sign = needsSignature(store, reader) ? recordSigner(store.signingSecret) : undefined
  return (spelling) => {
    const isSigned = sign && !isContentMessage(spelling, store.id)
    const query = isSigned ? `signature=${sign(spelling)}` : ''
    // URL libraries would take these for steps in the path.
    if (['', '%2E', '%2E%2E'].includes(spelling)) {
      return `${storeUrl}/record?key=${spelling}${query && `&${query}`}`
    }
    return `${storeUrl}/records/${spelling}${query && `?${query}`}`
  }
}

/**
 * A record of such a key, signed, would be a link to all of the store: in Apify's scheme both are
 * signatures of a text alone.
 */
export function isContentMessage(key: string, storeId: string): boolean {
  return key.endsWith(`.${storeId}`) && /^\d+\.\d+\.[a-zA-Z0-9]{17}$/.test(key)
}

/** At a full hour: a store that did not change is described by the same text for a while. */
function contentLinkEnd(now: number): number {
  return Math.ceil((now + contentLinkMs) / hourMs) * hourMs
}

function needsSignature(
  store: StoreIdentity,
  { maySign, ownerAccess }: Omit<Reader, 'baseUrl'>,
): boolean {
  return maySign && !isOpen(store, 'id', ownerAccess)
}
