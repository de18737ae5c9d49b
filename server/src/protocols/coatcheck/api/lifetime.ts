import { requireUserPrincipal } from '../../../core/access/access.ts'
import type { Principal } from '../../../core/access/principal.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import type { NewToken } from '../../../core/people/tokens.ts'

/**
 * The end and the maker of a token that the principal makes. Nothing that a token makes outlives
 * it: without a wish, the new token ends with its maker. Throws `account-denied`.
 */
export function withinOwn(
  wanted: number | undefined,
  principal: Principal,
): Pick<NewToken, 'expiresAt' | 'madeBy'> {
  const { expiresAt: end, tokenId } = requireUserPrincipal(principal)
  const expiresAt = wanted ?? end
  // Commands on the server's own machine use no token.
  const madeBy = tokenId === '' ? undefined : tokenId
  if (end === undefined || (expiresAt !== undefined && expiresAt <= end)) {
    return { expiresAt, madeBy }
  }
  const rule = 'A token can not create a token that expires later than itself.'
  throw new StorageError('account-denied', rule)
}
