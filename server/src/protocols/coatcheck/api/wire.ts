import type { UserPrincipal } from '../../../core/access/principal.ts'
import type { Scope } from '../../../core/people/scope.ts'
import type { ListedToken, Token } from '../../../core/people/tokens.ts'
import type { User } from '../../../core/people/users.ts'

export function userObject(user: User): Record<string, unknown> {
  const { id, username, isAdmin, isDisabled, generalAccess, createdAt } = user
  return { id, username, isAdmin, isDisabled, generalAccess, createdAt: isoTime(createdAt) }
}

/** A token without its text. `lastUsedAt` is left out if the token was created just now. */
export function tokenObject(token: Token | ListedToken): Record<string, unknown> {
  const { id, userId, name, createdAt, expiresAt, scope } = token
  return {
    id,
    name,
    userId,
    createdAt: isoTime(createdAt),
    expiresAt: expiresAt === undefined ? null : isoTime(expiresAt),
    ...('lastUsedAt' in token && { lastUsedAt: isoTimeOrNull(token.lastUsedAt) }),
    scope: scopeObject(scope),
  }
}

export function meObject({ user, tokenId, scope }: UserPrincipal): Record<string, unknown> {
  return { ...userObject(user), token: { id: tokenId || null, scope: scopeObject(scope) } }
}

function scopeObject({ action, storeId, keyPrefix }: Scope): Record<string, unknown> {
  return { action, storeId: storeId ?? null, keyPrefix: keyPrefix ?? null }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

function isoTimeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms)
}
