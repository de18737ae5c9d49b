import type { RecordAt } from './record-row.ts'

/** What the user has typed and not saved. */
export interface Draft {
  readonly text: string
  /** The text from which it came, and its revision; 0: it was to be a new record. */
  readonly baseText: string
  readonly baseRevision: number
  readonly contentType: string
}

/** By the place of the record. They outlive their editor, but not the page. */
const drafts = new Map<string, Draft>()

export function draftOf(at: RecordAt): Draft | undefined {
  return drafts.get(nameOf(at))
}

/** Undefined: it was saved, or given up. */
export function keepDraft(at: RecordAt, draft: Draft | undefined): void {
  if (draft) drafts.set(nameOf(at), draft)
  else drafts.delete(nameOf(at))
}

export function isDirty(draft: Draft | undefined): boolean {
  return draft !== undefined && draft.text !== draft.baseText
}

function nameOf({ storeId, key }: RecordAt): string {
  return `${storeId}/${key}`
}
