import type { Caller } from '../http/caller.ts'
import type { CoatcheckRequest } from '../http/request.ts'

export const storesPath = '/v2/key-value-stores'

/** A store, and who calls its server. */
export interface StoreAddress {
  readonly caller: Caller
  readonly path: string
}

/** What every call takes. */
export interface CallOptions {
  /** Stops the call, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
  /** In place of the client's. */
  readonly timeoutMs?: number | undefined
}

/** The parts of the options that a request takes unchanged. */
export function callPartsOf({
  signal,
  timeoutMs,
}: CallOptions): Pick<CoatcheckRequest, 'signal' | 'timeoutMs'> {
  return { signal, timeoutMs }
}

/**
 * The path of a store by its id (17 letters and digits), by `user~name`, or by the name of one of
 * the caller's own stores. For a name that looks like an id, write `~name`. Throws TypeError.
 */
export function storePathOf(text: string): string {
  if (text === '') throw new TypeError('A store has an id or a name; this one is empty.')
  const isAddress = text.includes('~') || /^[a-zA-Z0-9]{17}$/.test(text)
  return `${storesPath}/${isAddress ? '' : '~'}${encoded(text)}`
}

/** The path and query of a record. Only /record?key= takes every key: '', `.`, slashes, emoji. */
export function recordTargetOf(
  { path }: Pick<StoreAddress, 'path'>,
  key: string,
): Pick<CoatcheckRequest, 'path' | 'query'> {
  if (typeof key !== 'string') throw new TypeError('A key is a string.')
  const fitsPath = /^[a-zA-Z0-9!\-_.'()]{1,256}$/.test(key) && key !== '.' && key !== '..'
  if (fitsPath) return { path: `${path}/records/${key}` }
  assertUnicode(key)
  return { path: `${path}/record`, query: { key } }
}

/** The spelling of a key in listings and in lists of keys. Throws TypeError. */
export function spellingOf(key: string): string {
  return encoded(key)
}

/** The key that a listing spells like this. A text that is no spelling is the key itself. */
export function keyOfSpelling(spelling: string): string {
  try {
    return decodeURIComponent(spelling)
  } catch (error) {
    if (error instanceof URIError) return spelling
    throw error
  }
}

function encoded(text: string): string {
  assertUnicode(text)
  return encodeURIComponent(text)
}

function assertUnicode(text: string): void {
  if (!text.isWellFormed()) throw new TypeError('A key or name has half of a surrogate pair.')
}
