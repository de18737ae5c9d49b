import type { Kept } from '../page/kept.ts'

/** The token of who sits here: this tab keeps it, and no other. */
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
   * Takes the one that a sign-in link brought behind its `#`, which browsers send to no server, and
   * removes it from the address. Whether there was one.
   */
  takeFromAddress(): boolean {
    const token = new URLSearchParams(location.hash.slice(1)).get('token')
    if (token === null) return false
    history.replaceState(null, '', location.pathname + location.search)
    this.text = token.trim() || undefined
    return true
  }
}

/** Whether it can be sent as one. */
export function isTokenText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}
