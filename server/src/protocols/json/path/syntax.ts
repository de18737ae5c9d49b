import {
  FunctionExpressionType,
  JSONPathEnvironment,
  JSONPathError,
  type JSONPathQuery,
} from 'json-p3'
import { limits } from '../../../core/kernel/limits.ts'
import { JsonPathError } from './error.ts'
import { pathFunctions } from './functions.ts'
import { compilePattern } from './pattern.ts'

const name = '[A-Za-z_\\u0080-\\uffff][\\w\\u0080-\\uffff]*'
const string = `'(?:[^'\\\\]|\\\\.)*'|"(?:[^"\\\\]|\\\\.)*"`
const step = `\\s*\\.${name}|\\s*\\[\\s*(?:${string}|-?\\d+)\\s*\\]`
const patternTest = `([@$](?:${step})*)\\s*=~\\s*/((?:[^/\\\\]|\\\\.)+)/(i?)`
const smallNumber = `(?<![\\w.+\\-\\u0080-\\uffff])0(?:\\.(\\d+))?(?:[eE]([+-]?\\d{1,6}))?(?![\\w.])`

const special = new RegExp(`${patternTest}|${string}|${smallNumber}`, 'gs')
const environment = makeEnvironment()

/**
 * Parses a JSONPath (RFC 9535). The library checks the syntax and the types of arguments. The
 * search is our own: the library knows numbers only as doubles, and objects only as JavaScript
 * objects. Throws JsonPathError.
 */
export function parsePath(text: string): JSONPathQuery {
  if (!text.isWellFormed()) throw new JsonPathError('A JSONPath must be valid Unicode text.')
  if (!text.startsWith('$')) throw new JsonPathError('A JSONPath must begin with $.')
  if (text.length > limits.jsonPathLengthMax) {
    throw new JsonPathError(`A JSONPath may have up to ${limits.jsonPathLengthMax} characters.`)
  }
  try {
    return environment.compile(inPlainSyntax(text))
  } catch (error) {
    if (!(error instanceof JSONPathError)) throw error
    throw new JsonPathError(`This is not a JSONPath: ${error.message}.`)
  }
}

function makeEnvironment(): JSONPathEnvironment {
  const made = new JSONPathEnvironment()
  const types = { nodes: FunctionExpressionType.NodesType, value: FunctionExpressionType.ValueType }
  made.functionRegister.clear()
  for (const [key, { takes, gives }] of pathFunctions) {
    made.functionRegister.set(key, {
      argTypes: takes.map((type) => types[type]),
      returnType: gives === 'truth' ? FunctionExpressionType.LogicalType : types.value,
      call: () => undefined,
    })
  }
  return made
}

/**
 * Replaces two things that the library does not accept: `QUERY =~ /PATTERN/` of jsoncons by a call
 * of `search`, and numbers such as 0.5 by 5e-1.
 */
function inPlainSyntax(text: string): string {
  return text.replace(special, (part, query, pattern, flag, fraction, power) => {
    if (pattern !== undefined) return searchCall(query, flag ? `(?i)${pattern}` : pattern)
    if (fraction === undefined && power === undefined) return part
    const digits = String(fraction ?? '').replace(/^0+/, '')
    // -0 is not an index: so 0.0 does not become one.
    if (digits === '') return '-0'
    return `${digits}e${Number(power ?? 0) - String(fraction).length}`
  })
}

function searchCall(query: string, pattern: string): string {
  if (!compilePattern(pattern)) throw new JsonPathError(`The pattern /${pattern}/ is invalid.`)
  return `search(${query}, ${JSON.stringify(pattern)})`
}
