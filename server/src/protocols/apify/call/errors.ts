import { RequestError } from '../../rest/errors.ts'

export function pageNotFound(path: string): RequestError {
  const message = `We have bad news: there is no API endpoint at this URL.${hintFor(path)}`
  return new RequestError({ status: 404, type: 'page-not-found' }, message)
}

/** What may have gone wrong, after the API's own words. */
function hintFor(path: string): string {
  if (path.startsWith('/v2/v2/')) return ' The base URL that a client is given ends before /v2.'
  if (/^\/v2\/(datasets|request-queues)(\/|$)/.test(path)) {
    return ' Coatcheck stores key-value stores only.'
  }
  if (/^\/v2\/key-value-stores\/[^/]+\/records\/[^/]+\//.test(path)) {
    return ' A key with a slash is reached by /record?key=, percent-encoded.'
  }
  return ''
}

/** Clients take this type of 404, and no other, for "there is none". */
export function resourceNotFound(message: string): RequestError {
  return new RequestError({ status: 404, type: 'record-not-found' }, message)
}
