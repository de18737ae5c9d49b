import { CoatcheckError } from '../../../../../client/src/http/errors.ts'
import { ask } from '../../server/ask.ts'
import { storePath } from '../../stores/data/store-rows.ts'
import type { RecordAt } from './record-row.ts'

/** Something that was done with a record. */
export interface RecordEvent {
  readonly revision: number
  /** ISO 8601. */
  readonly at: string
  readonly action: string
  readonly subject: string | null
  readonly username: string | null
  readonly door: string | null
}

export interface HistoryPage {
  readonly items: readonly RecordEvent[]
  readonly nextBefore: number | null
}

/** The newest first. Rejects with CoatcheckError. */
export async function readHistory(
  { storeId, key }: RecordAt,
  { limit = 50, before }: { readonly limit?: number; readonly before?: number | undefined } = {},
): Promise<HistoryPage> {
  const query = { limit, before }
  const page: HistoryPage = Object(await ask('GET', `${storePath(storeId)}/audit`, { query }))
  // What was done with the whole store concerns the record too.
  const items = page.items.filter(({ subject, action }) => subject === key || isOfStore(action))
  return { ...page, items }
}

function isOfStore(action: string): boolean {
  return action === 'store-cleared' || action === 'store-expired'
}

/** Who wrote a revision; undefined: nobody knows, or the token may not see it. */
export async function writerOf(at: RecordAt, revision: number): Promise<RecordEvent | undefined> {
  try {
    const { items } = await readHistory(at, { limit: 5, before: revision + 1 })
    return items.find((event) => event.revision === revision)
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined
    throw error
  }
}

const doors: Readonly<Record<string, string>> = {
  apify: 'Apify door',
  applab: 'App Lab door',
  nemesis: 'NemesisDB door',
  coatcheck: 'Coatcheck API',
  cli: 'command line',
}

/** `scraper (Apify door)`. */
export function whoOf({ username, door }: Pick<RecordEvent, 'username' | 'door'>): string {
  return username ?? (door === 'applab' ? 'a page' : 'somebody')
}

export function doorOf(door: string | null): string {
  return door === null ? '' : (doors[door] ?? door)
}

/** What was done, in words. */
export function whatOf(action: string): string {
  return actions[action] ?? action.replaceAll('-', ' ')
}

const actions: Readonly<Record<string, string>> = {
  'record-put': 'saved',
  'record-deleted': 'deleted',
}
