/** A place in the console. It stands behind `#`, so that no log and no Referer sees it. */
export interface Address {
  readonly path: readonly string[]
  readonly query: Readonly<Record<string, string>>
}

/** The address in a hash such as `#/storage/key-value-stores?q=coats`. */
export function addressOf(hash: string): Address {
  const [path = '', search = ''] = splitOnce(hash.replace(/^#\/?/, ''), '?')
  const segments = path.split('/').filter(Boolean).map(decoded)
  const query = Object.fromEntries(new URLSearchParams(search))
  return { path: withoutAlias(segments), query }
}

/** The link to a place. Members of the query that are undefined are left out. */
export function hrefOf(
  path: readonly string[],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  )
  const search = new URLSearchParams(given).toString()
  const segments = path.map(encodeURIComponent).join('/')
  return `#/${segments}${search === '' ? '' : `?${search}`}`
}

/** `consoleUrl` of the Apify door is `#/key-value-stores/ID`. */
function withoutAlias(path: readonly string[]): readonly string[] {
  const [first, id, ...rest] = path
  if (first !== 'key-value-stores') return path
  return id === undefined
    ? ['storage', 'key-value-stores']
    : ['storage', 'key-value-stores', id, ...rest]
}

function splitOnce(text: string, by: string): readonly string[] {
  const at = text.indexOf(by)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + by.length)]
}

/** People cut addresses when they copy them. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    if (!(error instanceof URIError)) throw error
    return segment
  }
}
