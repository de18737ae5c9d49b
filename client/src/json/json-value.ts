import type { JsonValue } from './json.ts'

/** A member of a parsed object; undefined if it is missing, or the value is no object. */
export function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject && Object.hasOwn(value, name) ? value[name] : undefined
}
