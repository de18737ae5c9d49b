import { useCallback, useRef, useState } from 'react'
import { addressOf } from '../../address/address.ts'
import { dropGuard, useGuard } from '../../address/guard.ts'
import { open } from '../../address/use-address.ts'
import { say } from '../../parts/toasts.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { type Draft, draftOf, isDirty, keepDraft } from '../data/drafts.ts'
import { isChanged, saveRecord, shownKey } from '../data/record-actions.ts'
import type { RecordAt } from '../data/record-row.ts'
import { type RecordValue, readValue, textIn } from '../data/record-value.ts'

/** What is edited. */
export interface Base {
  readonly text: string
  readonly revision: number
  readonly contentType: string
}

/** The record is another one than that which was edited. */
export type Found =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'changed'; readonly value: RecordValue; readonly text: string | undefined }

export interface Edit {
  readonly draft: Draft
  readonly isDirty: boolean
  readonly isBusy: boolean
  /** The server's sentence; '': there is none. */
  readonly error: string
  readonly conflict: Found | undefined
  /** Where the user wants to go; undefined: nowhere. */
  readonly wanted: string | undefined
  readonly type: (text: string) => void
  /** What is typed by now; `draft` is what was drawn last. */
  readonly textNow: () => string
  /** By default what was typed, over the revision that it came from. */
  readonly save: (saved?: { readonly text: string; readonly ifRevision: number }) => Promise<void>
  readonly discard: () => void
  /** Ends editing, and asks before if something would be lost. */
  readonly leave: () => void
  readonly stay: () => void
}

/** Here: the user does not go elsewhere, but ends editing. */
const here = ''

export function useEdit(at: RecordAt, base: Base, onDone: () => void): Edit {
  const [draft, setDraft] = useState(() => draftOf(at) ?? draftFrom(base))
  // What is drawn may be older: a letter and Ctrl-S can come in the same moment.
  const latest = useRef(draft)
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const [conflict, setConflict] = useState<Found>()
  const [wanted, setWanted] = useState<string>()
  const isUnsaved = isDirty(draft)
  const isSame = useCallback((hash: string) => isPlaceOf(at, hash), [at])
  useGuard(isUnsaved, { isSame, onLeave: setWanted })
  const type = useCallback(
    (text: string) => {
      const next = { ...latest.current, text }
      latest.current = next
      keepDraft(at, isDirty(next) ? next : undefined)
      setDraft(next)
    },
    [at],
  )
  const end = (): void => {
    keepDraft(at, undefined)
    dropGuard()
    onDone()
  }
  const save: Edit['save'] = async (
    saved = { text: latest.current.text, ifRevision: latest.current.baseRevision },
  ) => {
    setBusy(true)
    setError('')
    try {
      const { contentType } = draft
      await saveRecord(at, { contentType, body: saved.text, ifRevision: saved.ifRevision })
      say({ text: `Saved ${shownKey(at.key)}.` })
      end()
    } catch (failure) {
      if (isChanged(failure)) await find()
      else setError(sentenceOf(failure))
    }
    setBusy(false)
  }
  const find = async (): Promise<void> => {
    try {
      const value = await readValue(at, 'decoded')
      setConflict(value ? { kind: 'changed', value, text: textIn(value) } : { kind: 'deleted' })
    } catch (failure) {
      setError(sentenceOf(failure))
    }
  }
  return {
    draft,
    isDirty: isUnsaved,
    isBusy,
    error,
    conflict,
    wanted,
    type,
    textNow: () => latest.current.text,
    save,
    discard: () => {
      end()
      if (wanted !== undefined && wanted !== here) open(wanted)
    },
    leave: () => (isUnsaved ? setWanted(here) : end()),
    stay: () => setWanted(undefined),
  }
}

function draftFrom({ text, revision, contentType }: Base): Draft {
  return { text, baseText: text, baseRevision: revision, contentType }
}

/** Whether an address shows this record. */
function isPlaceOf({ storeId, key }: RecordAt, hash: string): boolean {
  const { path, query } = addressOf(hash)
  return path.includes(storeId) && path.includes('records') && query.key === key
}
