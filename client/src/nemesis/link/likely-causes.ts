/** What a WebSocket said about a connection that failed. */
export interface FailedConnection {
  /** Includes the API token. */
  readonly url: URL
  /** Such as `code 1006`; the package `ws` adds the server's status. */
  readonly why: string
}

/** By the status of the server's refusal. */
const causesByStatus: Readonly<Record<string, string>> = {
  401: 'the API token is missing, wrong, expired or revoked',
  403: 'a web page of another origin needs an API token: connect(url, { token })',
  404: 'NemesisDB is not at this path; on the HTTP port the path is /nemesis',
  421: 'the server does not serve this host name: see its options --public-url and --allowed-hosts',
  429: 'too many wrong tokens came from this address: wait a minute',
  503: 'the server is starting or stopping, is crowded, or can not reach its data: try again',
}

/**
 * Why the connection may have failed, as a sentence. Browsers do not tell a page how a server
 * refused its WebSocket, so these are guesses, the most frequent first.
 */
export function likelyCauses({ url, why }: FailedConnection): string {
  const status = /server response: (\d{3})/.exec(why)?.[1] ?? ''
  const known = causesByStatus[status]
  if (known !== undefined) return `Likely cause: ${known}.`
  if (status !== '') {
    return `The server, or a proxy in front of it, refused the connection with status ${status}.`
  }
  return `Likely causes: ${guesses(url).join('; ')}.`
}

function guesses(url: URL): readonly string[] {
  const page = webPage()
  return [
    `no server is running at ${url.host}`,
    tokenGuess(url, page !== undefined),
    ...(isUsualPlace(url) ? [] : ['the path is not /nemesis, as it is on the HTTP port']),
    ...(page?.protocol === 'https:' && url.protocol === 'ws:'
      ? ['a page that was loaded by https:// may only connect to wss://']
      : []),
    ...(page ? ["the page's Content-Security-Policy does not allow the connection"] : []),
    ...(isLoopback(url)
      ? []
      : ['the server does not serve this host name', 'a proxy does not let WebSockets through']),
  ]
}

function tokenGuess(url: URL, isPage: boolean): string {
  if (url.searchParams.has('token')) return 'the API token is wrong, expired or revoked'
  return isPage
    ? 'a web page of another origin needs an API token: connect(url, { token })'
    : 'the server needs an API token: connect(url, { token })'
}

/** Port 1987 speaks only NemesisDB, so it takes every path. */
function isUsualPlace({ port, pathname }: URL): boolean {
  return port === '1987' || /\/nemesis\/?$/.test(pathname)
}

function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** The address of the page that this code runs in; undefined in Node. */
function webPage(): { readonly protocol: string } | undefined {
  const { document, location }: BrowserWindow = Object(globalThis)
  return document === undefined ? undefined : location
}

/** The parts of a browser's window that are used here. */
interface BrowserWindow {
  readonly document?: unknown
  readonly location?: { readonly protocol: string }
}
