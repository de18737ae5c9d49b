import { Refusal } from '../page/refusal.ts'
import type { Answer, Asked } from '../projects/server.ts'
import type { SeenPair } from './pairs.ts'

/** Nothing was changed, because the value is not the one that the user saw. */
export class ChangedMeanwhile extends Refusal {
  /** The value now, as JSON; undefined: there is none. */
  readonly now: string | undefined

  constructor(now: string | undefined) {
    super(changed, 'Meanwhile somebody has changed this value.')
    this.now = now
  }
}

const changed = 412
const attemptsMax = 5

/** Sends an action of the App Lab door for a project. */
export type Ask = (action: string, asked: Asked) => Promise<Answer>

/**
 * Writes only if the value is the one that the user saw, so that nobody overwrites unseen what
 * another page has set. `write` sends the request with these headers. Rejects with
 * ChangedMeanwhile.
 */
export async function writeIfSeen(
  ask: Ask,
  { key, seen }: SeenPair,
  write: (headers: Readonly<Record<string, string>>) => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { json, tag } = await readPair(ask, key)
    if (json?.trim() !== seen?.trim()) throw new ChangedMeanwhile(json)
    try {
      await write(tag === null ? { 'If-None-Match': '*' } : { 'If-Match': tag })
      return
    } catch (error) {
      const isTooLate = error instanceof Refusal && error.status === changed
      if (!isTooLate || attempt === attemptsMax) throw error
    }
  }
}

async function readPair(
  ask: Ask,
  key: string,
): Promise<{ readonly json: string | undefined; readonly tag: string | null }> {
  const { text, headers } = await ask('get_key_value', { query: { key } })
  return { json: text === 'null' ? undefined : text, tag: headers.get('ETag') }
}
