import type { Kept } from '../page/kept.ts'

/** The user's token. Only this tab keeps it. */
export class SessionToken {
  readonly #kept: Kept

  constructor(kept: Kept) {
    this.#kept = kept
  }

  get text(): string | undefined {
    return this.#kept.getText('token')
  }

  set text(token: string | undefined) {
    this.#kept.set('token', token)
  }

  /**
   * Takes the token that a sign-in link has after its `#`, which browsers send to no server, and
   * removes it from the address. A text that is no token counts as none. Returns whether there was
   * something in its place.
   */
  takeFromAddress(): boolean {
    const token = new URLSearchParams(location.hash.slice(1)).get('token')
    if (token === null) return false
    history.replaceState(null, '', location.pathname + location.search)
    const text = token.trim()
    this.text = isTokenText(text) ? text : undefined
    return true
  }
}

/** Whether a text can be sent as a token. */
export function isTokenText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}
