import { CoatcheckClient } from '../../../../client/src/stores/coatcheck-client.ts'
import { serverUrl } from './server-url.ts'

const keptName = 'coatcheck-console-token'
const siblingsMsMax = 200

/** What tabs of the console tell each other. */
type Message =
  | { readonly kind: 'ask' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'out' }

/**
 * Who is signed in. The token lives in this tab; a new tab asks its siblings for it. There is no
 * cookie: browsers would send it to every program at this host, whatever its port.
 */
export class Session {
  #token: string | undefined
  /** The server refuses the token: what is on the page stays, and the user signs in above it. */
  #isExpired = false
  readonly #channel = new BroadcastChannel('coatcheck-console')
  readonly #listeners = new Set<() => void>()
  #client: CoatcheckClient | undefined

  constructor() {
    this.#token = sessionStorage.getItem(keptName) ?? undefined
    this.#channel.addEventListener('message', ({ data }: MessageEvent<Message>) => this.#hear(data))
  }

  get token(): string | undefined {
    return this.#token
  }

  get isExpired(): boolean {
    return this.#isExpired
  }

  /** A client with the token. It repeats nothing: the page itself says when a server is silent. */
  get client(): CoatcheckClient {
    this.#client ??= new CoatcheckClient({
      url: serverUrl,
      token: this.#token,
      retries: 0,
      timeoutMs: 15_000,
    })
    return this.#client
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves once the siblings had time to answer. */
  async askSiblings(): Promise<void> {
    if (this.#token !== undefined) return
    this.#say({ kind: 'ask' })
    await new Promise<void>((resolve) => {
      const leave = this.subscribe(done)
      const timer = setTimeout(done, siblingsMsMax)
      function done(): void {
        clearTimeout(timer)
        leave()
        resolve()
      }
    })
  }

  /** Signs in with a token that the server accepts. Rejects with CoatcheckError. */
  async signIn(token: string): Promise<void> {
    const client = new CoatcheckClient({ url: serverUrl, token, retries: 0, timeoutMs: 15_000 })
    await client.api('GET', '/coatcheck/v1/me')
    this.#take(token)
    this.#say({ kind: 'token', token })
  }

  /** Forgets the token in all tabs of the console, and with the pages what they have read. */
  signOut(): void {
    this.#say({ kind: 'out' })
    this.#leave()
  }

  /** The server has refused this token. */
  expire(token: string | undefined): void {
    if (token === undefined || token !== this.#token || this.#isExpired) return
    this.#isExpired = true
    this.#tell()
  }

  #hear(message: Message): void {
    const mayGive = this.#token !== undefined && !this.#isExpired
    if (message.kind === 'ask' && mayGive) this.#say({ kind: 'token', token: this.#token ?? '' })
    if (message.kind === 'token' && !mayGive) this.#take(message.token)
    if (message.kind === 'out') this.#leave()
  }

  #take(token: string): void {
    sessionStorage.setItem(keptName, token)
    this.#token = token
    this.#isExpired = false
    this.#client = undefined
    this.#tell()
  }

  #leave(): void {
    sessionStorage.removeItem(keptName)
    // The address names what was open.
    history.replaceState(null, '', `${location.pathname}${location.search}#/`)
    location.reload()
  }

  #say(message: Message): void {
    this.#channel.postMessage(message)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

export const session = new Session()
