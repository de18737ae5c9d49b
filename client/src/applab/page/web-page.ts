/** What the browser's window has and Node has not, as far as it is used here. */
export interface WebPage {
  readonly document?: PageDocument | undefined
  readonly localStorage?: PageStorage | undefined
  readonly parent?: PageParent | undefined
  readonly XMLHttpRequest?: PageRequestConstructor | undefined
}

export interface PageDocument {
  /** Of a classic script while it is run for the first time. */
  readonly currentScript: PageScript | null
}

export interface PageScript {
  /** '' where it has none. */
  readonly src: string
  /** Its `data-` attributes. */
  readonly dataset: Readonly<Record<string, string | undefined>>
}

export interface PageStorage {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
}

export interface PageParent {
  postMessage(message: unknown, targetOrigin: string): void
}

export interface PageRequest {
  readonly status: number
  readonly responseText: string
  open(method: string, url: string, isAsync: boolean): void
  setRequestHeader(name: string, value: string): void
  /** Lines, each with a line break of HTTP. */
  getAllResponseHeaders(): string
  send(body?: string): void
}

export type PageRequestConstructor = new () => PageRequest

/** The page that this runs in; in Node, nothing of it is there. */
export function webPage(): WebPage {
  return globalThis
}
