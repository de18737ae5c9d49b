const bearer = 'Bearer '
/** Any other scheme than Bearer: a token of RFC 9110 (5.6.2), such as AWS4-HMAC-SHA256. */
const otherScheme = /^(?!bearer[ \t])[\w!#$%&'*+.^`|~-]+ +\S/i

/**
 * The API token of a request or an upgrade; undefined if there is none. The rule is the same for
 * all doors: `Authorization: Bearer` takes precedence over `?token=`, which is for links. Another
 * scheme, such as Basic, is for a proxy and is ignored. Any other header text counts as a (wrong)
 * token.
 */
export function callerToken(
  authorization: string | undefined,
  queryToken: string | undefined,
): string | undefined {
  if (authorization === undefined) return queryToken
  const isPlain = authorization.startsWith(bearer) && authorization.charCodeAt(bearer.length) !== 32
  if (isPlain && !authorization.endsWith(' ')) return authorization.slice(bearer.length)
  if (otherScheme.test(authorization)) return queryToken
  return /^bearer[ \t]+(\S+)[ \t]*$/i.exec(authorization)?.[1] ?? authorization
}
