import { RequestError } from '../../rest/errors.ts'

export function pageNotFound(path: string): RequestError {
  const message = `We have bad news: there is no API endpoint at this URL.${hintFor(path)}`
  return new RequestError({ status: 404, type: 'page-not-found' }, message)
}

/** The likely mistake. The text follows Apify's own message. */
function hintFor(path: string): string {
  if (path.startsWith('/v2/v2/')) return ' The base URL of a client ends before /v2.'
  if (/^\/v2\/(datasets|request-queues)(\/|$)/.test(path)) {
    return ' Coatcheck has key-value stores only.'
  }
  if (/^\/v2\/key-value-stores\/[^/]+\/records\/[^/]+\//.test(path)) {
    return ' For a key with a slash, use /record?key= and percent-encode the key.'
  }
  return ''
}

/** The clients take a 404 of this type for "not found", and throw an error for most others. */
export function resourceNotFound(message: string): RequestError {
  return new RequestError({ status: 404, type: 'record-not-found' }, message)
}
