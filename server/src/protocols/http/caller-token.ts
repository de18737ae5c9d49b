const bearer = 'Bearer '

/**
 * The API token that a request or an upgrade comes with; undefined: none. One rule for all doors:
 * `Authorization: Bearer` goes before `?token=`, which is for links. Another scheme, such as Basic,
 * is meant for a proxy and is ignored. Any other text of the header counts as a (wrong) token.
 */
export function callerToken(
  authorization: string | undefined,
  queryToken: string | undefined,
): string | undefined {
  if (authorization === undefined) return queryToken
  if (authorization.startsWith(bearer) && !authorization.endsWith(' ')) {
    return authorization.slice(bearer.length)
  }
  if (/^(?!bearer )[a-z]+ +\S/i.test(authorization)) return queryToken
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? authorization
}
