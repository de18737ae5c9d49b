import type { Revision } from '../../../src/core/engine/engine.ts'
import type { ErrorCode } from '../../../src/core/kernel/errors.ts'
import type { Condition } from '../../../src/core/records/record.ts'

/** One update of one record. */
export interface Asked {
  readonly key: string
  readonly kind: 'add' | 'keep' | 'delete' | 'refuse'
  readonly by: number
  /** The name under which the request may be sent again; undefined: it has none. */
  readonly name: string | undefined
  readonly condition: Condition | undefined
}

export interface Outcome {
  /** 'none' if the update was made. */
  readonly code: ErrorCode | 'none'
  readonly value?: number | undefined
  readonly revision?: Revision | undefined
  readonly isRepetition: boolean
}

export interface Made {
  readonly asked: Asked
  readonly outcome: Outcome
}

/** A change of the record; the revision of a deletion is not told. */
export interface ModelChange {
  readonly kind: 'put' | 'delete'
  readonly revision: Revision | undefined
}

/** What should be stored under one key. It never changes: each step makes another one. */
export interface KeyModel {
  readonly value: number | undefined
  /** Of the value; 0 for none. */
  readonly revision: Revision
  /** All changes, oldest first. */
  readonly changes: readonly ModelChange[]
  /** By name: the requests that were done, and what they did. */
  readonly done: ReadonlyMap<string, Made>
}

export const emptyModel: KeyModel = { value: undefined, revision: 0, changes: [], done: new Map() }

/** What a storage may answer that fails now and then. Nothing was done. */
const failures: readonly string[] = ['storage-unavailable', 'store-busy']

/**
 * The model after updates that were under way at the same time, made in an order that explains
 * their outcomes and ends with what `isStored` accepts. Undefined: there is no such order.
 */
export function afterAll(
  model: KeyModel,
  together: readonly Made[],
  isStored: (model: KeyModel) => boolean,
): KeyModel | undefined {
  if (together.length === 0) return isStored(model) ? model : undefined
  for (const [at, first] of together.entries()) {
    const next = after(model, first)
    const last = next && afterAll(next, together.toSpliced(at, 1), isStored)
    if (last) return last
  }
  return undefined
}

/** Undefined: this outcome is wrong. */
function after(model: KeyModel, made: Made): KeyModel | undefined {
  const { outcome } = made
  if (failures.includes(outcome.code)) return model
  const expected = expectedOf(model, made)
  const isSame =
    outcome.code === expected.code &&
    outcome.value === expected.value &&
    outcome.revision === expected.revision &&
    outcome.isRepetition === expected.isRepetition
  if (!isSame) return undefined
  return outcome.code === 'none' && !outcome.isRepetition ? changed(model, made) : model
}

function expectedOf(model: KeyModel, { asked, outcome }: Made): Outcome {
  const { kind, by, name, condition } = asked
  const earlier = name === undefined ? undefined : model.done.get(name)
  if (earlier) {
    const isSame = earlier.asked.kind === kind && earlier.asked.by === by
    return isSame ? { ...earlier.outcome, isRepetition: true } : refused('idempotency-key-reused')
  }
  if (condition && !holds(condition, model)) return refused('condition-failed')
  if (kind === 'refuse') return refused('patch-failed')
  if (kind === 'delete') return { code: 'none', isRepetition: false }
  const value = (model.value ?? 0) + (kind === 'add' ? by : 0)
  const isKept = kind === 'keep' && model.value !== undefined
  // The storage chooses the revision of a new value.
  const revision = isKept ? model.revision : laterOf(model, outcome.revision)
  return { code: 'none', value, revision, isRepetition: false }
}

/** The revision, if it is after all that the record had; else one that no outcome has. */
function laterOf({ changes }: KeyModel, revision: Revision | undefined): Revision {
  const last = changes.findLast((change) => change.revision !== undefined)?.revision ?? 0
  return revision !== undefined && revision > last ? revision : Number.NaN
}

function changed(model: KeyModel, made: Made): KeyModel {
  const { kind, name } = made.asked
  const { value, revision = 0 } = made.outcome
  const done = name === undefined ? model.done : new Map([...model.done, [name, made]])
  const isNothing = kind === 'delete' ? model.value === undefined : revision === model.revision
  if (isNothing) return { ...model, done }
  const change: ModelChange =
    kind === 'delete' ? { kind, revision: undefined } : { kind: 'put', revision }
  return { value, revision, done, changes: [...model.changes, change] }
}

function holds(condition: Condition, { value, revision }: KeyModel): boolean {
  if (condition.kind === 'absent') return value === undefined
  if (condition.kind === 'present') return value !== undefined
  if (condition.kind === 'revision')
    return value !== undefined && condition.anyOf.includes(revision)
  throw new Error(`The model knows no condition ${condition.kind}.`)
}

function refused(code: ErrorCode): Outcome {
  return { code, isRepetition: false }
}
