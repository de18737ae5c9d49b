import { isOpen } from '../../../core/access/access.ts'
import { isContentLinkText } from '../../../core/identity/content-link.ts'
import type { StoreIdentity } from '../../../core/identity/identity.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { UserAccess } from '../../../core/people/scope.ts'
import type { Link, WantedUse } from './address.ts'
import type { ApifyCall } from './call.ts'
import { spellKey } from './key-spelling.ts'
import { isContentSignature, isRecordSignature, recordSigner, signContent } from './signatures.ts'

const hourMs = 3_600_000

/**
 * Checks `?signature=` for this one record. Undefined without a signature or a key. No signature is
 * valid for a record whose signature would open the whole store.
 */
export function recordLink({ query, key }: ApifyCall): Link | undefined {
  const signature = query.text('signature')
  if (signature === undefined || key === undefined) return undefined
  const spelling = spellKey(key)
  return ({ id, signingSecret: secret }) =>
    !isContentLinkText(spelling, id) && isRecordSignature(signature, { secret, key: spelling })
}

/** Checks `?signature=` for a store's list of keys and archive. Undefined without a signature. */
export function contentLink({ query, domain }: ApifyCall): Link | undefined {
  const signature = query.text('signature')
  if (signature === undefined) return undefined
  // The link must be valid when the request begins. A long download may end later.
  const now = domain.clock.latest()
  return ({ id, signingSecret: secret }) =>
    isContentSignature(signature, { secret, storeId: id, now })
}

/** What a list of keys or an archive of records does with its store. */
export function listing(call: ApifyCall): WantedUse {
  return { action: 'read', extent: 'some', link: contentLink(call) }
}

interface Reader {
  readonly baseUrl: string
  /** Whether the reader of the link may know the signing secret. */
  readonly maySign: boolean
  /** The owner's general access, for a store with `FOLLOW_USER_SETTING`. */
  readonly ownerAccess: UserAccess
}

/**
 * Links to a store's keys and records. If the store is not open to everybody, they are signed for
 * readers who may sign, and then they work for everybody who has them.
 */
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

/** As `contentUrls`, for records by their key's spelling. Valid until the secret changes. */
export function recordUrls(
  store: StoreIdentity,
  { baseUrl, ...reader }: Reader,
): (spelling: string) => string {
  const storeUrl = `${baseUrl}/v2/key-value-stores/${store.id}`
  const sign = needsSignature(store, reader) ? recordSigner(store.signingSecret) : undefined
  return (spelling) => {
    const isSigned = sign && !isContentLinkText(spelling, store.id)
    const query = isSigned ? `signature=${sign(spelling)}` : ''
    // In a path these would be lost: URL libraries take `%2E` for `.`, and '' makes no segment.
    if (['', '%2E', '%2E%2E'].includes(spelling)) {
      return `${storeUrl}/record?key=${spelling}${query && `&${query}`}`
    }
    return `${storeUrl}/records/${spelling}${query && `?${query}`}`
  }
}

/** Rounded up to a full hour: the object of an unchanged store stays the same for a while. */
function contentLinkEnd(now: number): number {
  return Math.ceil((now + limits.contentLinkMsMin) / hourMs) * hourMs
}

function needsSignature(
  store: StoreIdentity,
  { maySign, ownerAccess }: Omit<Reader, 'baseUrl'>,
): boolean {
  return maySign && !isOpen(store, 'id', ownerAccess)
}
