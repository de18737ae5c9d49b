import type { NamedRequest } from '../../../core/idempotency/named-request.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { namedRequest, scopeOf } from '../../rest/named-request.ts'
import type { PageCall } from '../page/call.ts'
import type { Page } from '../page/page.ts'

/**
 * The name that the client gave its call, see `namedRequest`. A page without a user id shares its
 * scope with others, so it needs names that nobody can guess. Throws RequestError.
 */
export function namedCall(
  call: PageCall,
  page: Page | undefined,
  { key, text }: { readonly key: string; readonly text: string | undefined },
): NamedRequest | undefined {
  const named = namedRequest(call, page ? `page ${page.userId() ?? ''}` : scopeOf(call))
  named?.reading(new WholeSource(Buffer.from(JSON.stringify([call.request.path, key, text]))))
  return named
}
