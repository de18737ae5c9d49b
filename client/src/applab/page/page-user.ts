import { type PageStorage, webPage } from './web-page.ts'

/**
 * Who uses this page, as the server knows it: an id that it gave on the first call, with its own
 * signature, sent along with every call. The browser keeps it for the next visit where it may.
 */
export class PageUser {
  readonly #name: string
  #signedId: string | undefined

  /** Kept under a name of its own for each project: no id says anything in another one. */
  constructor(projectUrl: string) {
    this.#name = `coatcheck-user ${projectUrl}`
  }

  get signedId(): string | undefined {
    const kept = ofStorage((storage) => storage.getItem(this.#name)) ?? ''
    // What the page's own code may have left there must not keep calls from being sent.
    return /^[\w-]+\.[\w-]+$/.test(kept) ? kept : this.#signedId
  }

  /** Without the signature. */
  get id(): string | undefined {
    return this.signedId?.replace(/\.[^.]*$/, '')
  }

  /** What the server gave in answer to a call that `sent` went along with. */
  learn(given: string, sent: string | undefined): void {
    // Of two first calls at once, each is given an id: the one that came first stays.
    if (this.signedId !== sent) return
    this.#signedId = given
    ofStorage((storage) => storage.setItem(this.#name, given))
  }
}

/** Undefined where nothing can be kept: then the id lasts as long as the page. */
function ofStorage<Result>(use: (storage: PageStorage) => Result): Result | undefined {
  const page = webPage()
  // Node has one too, which belongs to all programs of a folder.
  if (page.document === undefined) return undefined
  try {
    return page.localStorage === undefined ? undefined : use(page.localStorage)
  } catch {
    // Browsers throw for a page that may keep nothing, and where there is no room left.
    return undefined
  }
}
