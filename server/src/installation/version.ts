import { readFileSync } from 'node:fs'

/** The version of this package. Built or not, this module is two folders below `package.json`. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return JSON.parse(text).version
}
