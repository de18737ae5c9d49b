import { isAllowed, isTemporary } from '../../../core/access/access.ts'
import type { StoreIdentity } from '../../../core/identity/identity.ts'
import { type ErrorCode, StorageError } from '../../../core/kernel/errors.ts'
import type { ApifyCall } from './call.ts'

/**
 * Whether to show the caller the store's signing secret, and links that are signed with it. Only
 * tokens that may write are shown it, and no token that expires: links must not outlive the right
 * to sign them. The store remembers the token, whose end ends the links.
 */
export async function maySign(
  { principal, domain }: ApifyCall,
  store: StoreIdentity,
): Promise<boolean> {
  if (principal.kind === 'nobody' || isTemporary(principal)) return false
  if (!isAllowed(principal, { action: 'write' }, store, 'RESTRICTED')) return false
  const { tokenId } = principal
  // Commands on the server's own machine use no token: whoever may read the data knows all secrets.
  if (tokenId === '' || store.secretSeenBy?.includes(tokenId)) return true
  try {
    return await domain.signingSecrets.noteShown(store, tokenId)
  } catch (error) {
    // The storage takes no writes now. All else about the store can be read.
    if (error instanceof StorageError && unwritable.includes(error.code)) return false
    throw error
  }
}

const unwritable: readonly ErrorCode[] = [
  'storage-full',
  'storage-unavailable',
  'store-busy',
  'outcome-unknown',
]
