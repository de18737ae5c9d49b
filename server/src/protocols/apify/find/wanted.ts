import { limits } from '../../../core/kernel/limits.ts'
import { JsonPathError } from '../../json/path/error.ts'
import { compilePath, PathWork } from '../../json/path/json-path.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { keyOfSpelling } from '../call/key-spelling.ts'
import { AnyText, type Matcher, TextAtPath } from './matcher.ts'

/** What a search is asked for. */
export interface Wanted {
  readonly matcher: Matcher
  readonly prefix: string
  /** Only keys after this one; undefined: all. */
  readonly after: string | undefined
  /** At most so many records are found. */
  readonly limit: number
}

const usualLimit = 100

/** Throws RequestError `invalid-value`. */
export function readWanted(body: Readonly<Record<string, unknown>>): Wanted {
  const fields = new Fields(body, ['path', 'text', 'prefix', 'after', 'limit'])
  const path = fields.text('path')
  const text = fields.text('text') ?? ''
  if (text === '' && path === undefined) throw invalidField('text or path is required')
  if (text.length > limits.findTextLengthMax) {
    throw invalidField(`text may have at most ${limits.findTextLengthMax} characters`)
  }
  const after = fields.text('after')
  return {
    matcher: path === undefined ? new AnyText(text) : matcherAt(path, text),
    prefix: keyOfSpelling(fields.text('prefix') ?? ''),
    after: after === undefined ? undefined : keyOfSpelling(after),
    limit: fields.countUpTo(limits.pageItemsMax, 'limit') ?? usualLimit,
  }
}

/** Throws RequestError. */
function matcherAt(path: string, text: string): Matcher {
  const work = new PathWork()
  const spelled = path.startsWith('$') ? path : jsonPathOf(path)
  try {
    return new TextAtPath(text, {
      at: compilePath(spelled, work),
      below: compilePath(`${spelled}..*`, work),
      work,
    })
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error
    throw invalidField(
      `path is neither names with dots between them nor a JSONPath. ${error.message}`,
    )
  }
}

/** The JSONPath of names with dots between them, such as `address.city` or `items.0`. */
function jsonPathOf(dotted: string): string {
  const names = dotted.split('.')
  if (names.includes('')) throw invalidField('path has an empty name: write a.b, or a JSONPath')
  return `$${names.map((name) => `[${JSON.stringify(name)}]`).join('')}`
}
