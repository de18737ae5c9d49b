import { type PageStorage, webPage } from './web-page.ts'

/**
 * The user of this page, as the server knows them: an id that the server gave and signed on the
 * first call, and that every later call sends. The browser keeps it for the next visit if it can.
 */
export class PageUser {
  readonly #name: string
  #signedId: string | undefined

  /** Each project has its own name in the storage: an id means nothing in another project. */
  constructor(projectUrl: string) {
    this.#name = `coatcheck-user ${projectUrl}`
  }

  get signedId(): string | undefined {
    const kept = ofStorage((storage) => storage.getItem(this.#name)) ?? ''
    // The page's own code may have left anything there: that must not break calls.
    return /^[\w-]+\.[\w-]+$/.test(kept) ? kept : this.#signedId
  }

  /** Without the signature. */
  get id(): string | undefined {
    return this.signedId?.replace(/\.[^.]*$/, '')
  }

  /** Keeps the id that the server gave in answer to a call that sent the id `sent`. */
  learn(given: string, sent: string | undefined): void {
    // Two first calls at once get an id each: the first answer counts.
    if (this.signedId !== sent) return
    this.#signedId = given
    ofStorage((storage) => storage.setItem(this.#name, given))
  }
}

/** Undefined if nothing can be kept: then the id lasts as long as the page. */
function ofStorage<Result>(use: (storage: PageStorage) => Result): Result | undefined {
  const page = webPage()
  // Node has localStorage too, but there it belongs to all programs of a folder.
  if (page.document === undefined) return undefined
  try {
    return page.localStorage === undefined ? undefined : use(page.localStorage)
  } catch {
    // Browsers throw if the page may keep nothing, and if there is no room left.
    return undefined
  }
}
