/**
 * JSON as `JSON.parse` makes it, except that numbers keep all their digits: each number is the text
 * `n` followed by its spelling, and each string and each name of a member is the text `s` followed
 * by itself. So two texts are equal or begin with one another exactly as the strings do.
 */
export type ExactJson = null | boolean | string | readonly ExactJson[] | ExactMembers

export interface ExactMembers {
  readonly [name: string]: ExactJson
}

/** A string, or a number outside of strings. No part is scanned twice, whatever the text is. */
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g

/** `text` is valid JSON. Of members with the same name, the last one counts. */
export function parseExactJson(text: string): ExactJson {
  return JSON.parse(text.replace(stringOrNumber, tagged))
}

/** The spelling of a number; undefined for any other value. */
export function numberIn(value: ExactJson): string | undefined {
  return typeof value === 'string' && value.startsWith('n') ? value.slice(1) : undefined
}

/** The string with its tag, which is the same for all strings; undefined for any other value. */
export function stringIn(value: ExactJson): string | undefined {
  return typeof value === 'string' && value.startsWith('s') ? value : undefined
}

function tagged(part: string): string {
  return part.startsWith('"') ? `"s${part.slice(1)}` : `"n${part}"`
}
