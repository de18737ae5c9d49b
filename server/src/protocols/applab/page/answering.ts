import { StorageError } from '../../../core/kernel/errors.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { RequestError } from '../../rest/errors.ts'
import type { PageCall } from './call.ts'
import { pageErrorOf } from './errors.ts'
import type { Page } from './page.ts'

/**
 * Runs `answer`. If the page has no user id yet, the reply or the refusal gives it a new one.
 * Throws what `answer` throws; a refusal of a page as PageError, unless its status is 500 or more.
 */
export async function answering(
  { environment }: PageCall,
  page: Page | undefined,
  answer: () => Promise<HttpReply>,
): Promise<HttpReply> {
  try {
    const reply = await answer()
    if (page) Object.assign(reply.headers, page.userHeaders(environment))
    return reply
  } catch (error) {
    const isRefusal = error instanceof StorageError || error instanceof RequestError
    if (!page || !isRefusal) throw error
    const refusal = pageErrorOf(error, page.userHeaders(environment))
    throw refusal.status < 500 ? refusal : error
  }
}
