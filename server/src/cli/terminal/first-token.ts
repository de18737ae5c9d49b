import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FirstStart } from '../../installation/first-start.ts'

/** The lines that tell people about the token of a first start. */
export interface TokenNotice {
  readonly lines: readonly string[]
  /** Removes what was written for the notice. */
  remove(): void
}

/**
 * Prints a token only to a terminal, where its user reads it: other output may be kept and shown to
 * many people. A token that the user gave is never printed.
 */
export function noticeOf(
  { token, file, isGiven }: FirstStart,
  { playUrl, isTerminal }: { playUrl: string; isTerminal: boolean },
): TokenNotice {
  const page = `Try it in your browser: ${playUrl}`
  const remove = (): void => undefined
  if (isGiven) return { lines: ['Your token is the one in COATCHECK_INITIAL_TOKEN', page], remove }
  if (isTerminal) {
    const where = file ? ` (also in ${file})` : ''
    const signedIn = `${page}#token=${encodeURIComponent(token)}`
    return { lines: [`Your token is ${token}${where}`, signedIn], remove }
  }
  if (file) return { lines: [`Your token is in ${file}`, page], remove }
  // The memory engine has no folder, and all of its data ends with the server.
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-'))
  const own = join(folder, 'first-token')
  writeFileSync(own, `${token}\n`, { mode: 0o600, flag: 'wx' })
  return {
    lines: [`Your token is in ${own}`, page],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
