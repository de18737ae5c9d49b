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
 * Reads a JSONPath (RFC 9535). The library knows the syntax and which functions take what; what is
 * found is up to us, for it knows numbers only as doubles and objects only as those of JavaScript.
 * Throws JsonPathError.
 */
export function parsePath(text: string): JSONPathQuery {
  if (!text.isWellFormed()) throw new JsonPathError('A JSONPath is Unicode text.')
  if (!text.startsWith('$')) throw new JsonPathError('A JSONPath begins with $.')
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
 * Two things that the library does not take are spelled in a way that it does: `QUERY =~ /PATTERN/`
 * of jsoncons as a call of `search`, and numbers such as 0.5 as 5e-1.
 */
function inPlainSyntax(text: string): string {
  return text.replace(special, (part, query, pattern, flag, fraction, power) => {
    if (pattern !== undefined) return searchCall(query, flag ? `(?i)${pattern}` : pattern)
    if (fraction === undefined && power === undefined) return part
    const digits = String(fraction ?? '').replace(/^0+/, '')
    // Which is no index.
    if (digits === '') return '-0'
    return `${digits}e${Number(power ?? 0) - String(fraction).length}`
  })
}

function searchCall(query: string, pattern: string): string {
  if (!compilePattern(pattern)) throw new JsonPathError(`The pattern /${pattern}/ is none.`)
  return `search(${query}, ${JSON.stringify(pattern)})`
}
