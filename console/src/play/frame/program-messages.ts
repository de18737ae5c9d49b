/** The messages between a running program and the page around it. */

/** Whether a part of the program may still run, or how the program ended. */
export type ProgramState = 'running' | 'done' | 'failed'

export type PrintLevel = 'log' | 'warn' | 'error'

/** A line of the program's console. */
export interface Printed {
  readonly level: PrintLevel
  readonly text: string
}

/** Texts by name: what a program keeps between its runs. */
export type KeptItems = Readonly<Record<string, string>>

/** Changes of some of these texts: null removes one. */
export type KeptChanges = Readonly<Record<string, string | null>>

/** Where a program keeps texts: until they are deleted, or until its tab is closed. */
export type StorageName = 'localStorage' | 'sessionStorage'

/** The most characters that a program may keep in one storage, names and texts together. */
export const keptLengthMax = 100_000

export function keptLength(items: KeptItems): number {
  return Object.entries(items).reduce((sum, [name, text]) => sum + name.length + text.length, 0)
}

/** The texts after some changes. */
export function changedItems(items: KeptItems, changes: KeptChanges): KeptItems {
  const entries = Object.entries({ ...items, ...changes })
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null))
}

/**
 * To the program's frame: what to run. A port comes with it, on which the frame answers. Messages
 * to a window leave a busy program only when it is done, and some programs never are.
 */
export interface RunMessage {
  readonly type: 'coatcheck-play-run'
  readonly code: string
  readonly channelId: string
  readonly pageKey: string | undefined
  readonly kept: Readonly<Record<StorageName, KeptItems>>
}

/** To the window around the frame: the frame is ready for a RunMessage. */
export interface ReadyMessage {
  readonly type: 'coatcheck-play-ready'
}

/** From the program's frame. */
export type ProgramMessage =
  | ({ readonly type: 'coatcheck-play'; readonly kind: 'printed' } & Printed)
  | { readonly type: 'coatcheck-play'; readonly kind: 'cleared' }
  | {
      readonly type: 'coatcheck-play'
      readonly kind: 'kept'
      readonly storage: StorageName
      readonly changes: KeptChanges
    }
  | { readonly type: 'coatcheck-play'; readonly kind: 'state'; readonly state: ProgramState }
  /** From the page script: a call for data succeeded. */
  | { readonly type: 'coatcheck-applab'; readonly kind: 'set' | 'get'; readonly key: string }

/**
 * Reads a message; undefined if it is none of these. It comes from a program, which may send
 * anything.
 */
export function programMessage(data: unknown): ProgramMessage | undefined {
  const { type, kind, level, text, storage, changes, state, key } = Object(data)
  if (type === 'coatcheck-applab') {
    const isCall = (kind === 'set' || kind === 'get') && typeof key === 'string'
    return isCall ? { type, kind, key } : undefined
  }
  if (type !== 'coatcheck-play') return undefined
  if (kind === 'printed' && isLevel(level) && typeof text === 'string') {
    return { type, kind, level, text }
  }
  if (kind === 'cleared') return { type, kind }
  if (kind === 'state' && isState(state)) return { type, kind, state }
  const isFit = kind === 'kept' && isStorage(storage) && isChanges(changes)
  return isFit ? { type, kind, storage, changes } : undefined
}

export function isReadyMessage(data: unknown): data is ReadyMessage {
  return Object(data).type === 'coatcheck-play-ready'
}

/** Reads a RunMessage; undefined for any other message. */
export function runMessage(data: unknown): RunMessage | undefined {
  const { type, code, channelId, pageKey, kept } = Object(data)
  const isRun = type === 'coatcheck-play-run' && typeof code === 'string'
  const { localStorage, sessionStorage } = Object(kept)
  const isWhole = isRun && isKept(localStorage) && isKept(sessionStorage)
  if (!isWhole || typeof channelId !== 'string') return undefined
  const key = typeof pageKey === 'string' ? pageKey : undefined
  return { type, code, channelId, pageKey: key, kept: { localStorage, sessionStorage } }
}

function isStorage(name: unknown): name is StorageName {
  return name === 'localStorage' || name === 'sessionStorage'
}

function isLevel(level: unknown): level is PrintLevel {
  return level === 'log' || level === 'warn' || level === 'error'
}

function isState(state: unknown): state is ProgramState {
  return state === 'running' || state === 'done' || state === 'failed'
}

function isKept(items: unknown): items is KeptItems {
  if (typeof items !== 'object' || items === null) return false
  return Object.values(items).every((item) => typeof item === 'string')
}

function isChanges(changes: unknown): changes is KeptChanges {
  if (typeof changes !== 'object' || changes === null) return false
  const isSound = Object.values(changes).every((text) => text === null || typeof text === 'string')
  return isSound && keptLength(changedItems({}, { ...changes })) <= keptLengthMax
}
