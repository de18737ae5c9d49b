import { readFileSync } from 'node:fs'

/** The version of this package: `package.json` stands beside `src` and `dist`. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return JSON.parse(text).version
}
