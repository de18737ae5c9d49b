/** The parts of a browser's window that are used here. Node does not have them. */
export interface WebPage {
  readonly document?: PageDocument | undefined
  readonly localStorage?: PageStorage | undefined
  readonly parent?: PageParent | undefined
  /** `null`, as text, in a frame that has no origin. */
  readonly origin?: string | undefined
  readonly XMLHttpRequest?: PageRequestConstructor | undefined
  addEventListener?(type: 'pagehide' | 'pageshow', listener: () => void): void
}

export interface PageDocument {
  /** Set for a classic script while it runs for the first time. */
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
  /** One header per line; lines end as in HTTP. */
  getAllResponseHeaders(): string
  send(body?: string): void
}

export type PageRequestConstructor = new () => PageRequest

/** The page that this code runs in. In Node, it has none of these parts. */
export function webPage(): WebPage {
  return globalThis
}
