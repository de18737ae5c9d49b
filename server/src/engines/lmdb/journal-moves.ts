import { randomBytes } from 'node:crypto'
import { EngineError, type Revision } from '../../core/engine/engine.ts'
import type { Journal } from './journal/journal.ts'
import type { JournalHalf, PackedRow } from './journal/journal-half.ts'
import { type DroppedBlock, type JournalState, sealBytes } from './journal/journal-state.ts'
import { diskFailed, type LmdbTables, type WriteUse } from './tables.ts'

export interface JournalMovesParts {
  readonly tables: LmdbTables
  readonly journal: Journal
  /** The newest commit that LMDB holds. */
  readonly held: Revision
  readonly dropped: DroppedBlock | undefined
  /** About how many keys are moved in one transaction. */
  readonly atOnce: number
}

/**
 * Moves commits from the journal into LMDB. After each transaction LMDB holds all commits up to one
 * of them, and nothing of later ones: so it is sound even without the journal.
 *
 * All methods throw EngineError.
 */
export class JournalMoves {
  readonly #parts: JournalMovesParts
  #held: Revision
  #move: Promise<void> | undefined
  #fault: EngineError | undefined
  #hasBegun = false

  constructor(parts: JournalMovesParts) {
    this.#parts = parts
    this.#held = parts.held
  }

  /** The newest commit that LMDB holds. */
  get held(): Revision {
    return this.#held
  }

  /** Why nothing is written any more; undefined: writes work. */
  get fault(): EngineError | undefined {
    return this.#fault
  }

  /** Whether the journal takes blocks: `begin` has succeeded. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /**
   * Moves all that a start found in the journal, and starts the journal anew. Nothing may be
   * committed before that: a commit behind one that a failed sync left may be lost with it. On a
   * full disk it may be tried again.
   */
  async begin(): Promise<void> {
    const { journal } = this.#parts
    if (this.#hasBegun) return
    if (this.#fault) throw this.#fault
    await this.moveAll()
    await this.written(journal.allocate())
    const seal = randomBytes(sealBytes)
    await this.#store([], this.#held, { seal, formerSeal: journal.seal })
    await this.written(journal.begin(seal))
    this.#hasBegun = true
  }

  /** Switches to the other half of the journal, once that half is moved into LMDB. */
  async turn(): Promise<void> {
    // After a failed sync the journal may have a block that counts: it must not be overwritten.
    if (this.#fault) throw this.#fault
    await this.#moved()
    this.#parts.journal.turn()
    // Ignore a failure: the next turn tries again, and reports it.
    this.#moved().catch(() => undefined)
  }

  async moveAll(): Promise<void> {
    await this.#moved()
    if (this.#parts.journal.fresh.isEmpty) return
    await this.turn()
    await this.#moved()
  }

  /** Moves everything, and notes that nobody needs the journal any more. */
  async end(): Promise<void> {
    await this.moveAll()
    await this.#store([], this.#held, { isClean: true })
  }

  /** Resolves once no move runs. */
  async settled(): Promise<void> {
    await this.#move
  }

  /** Writes rows into LMDB, which then holds all commits up to `newest`. */
  store(rows: readonly PackedRow[], newest: Revision, use: WriteUse): Promise<void> {
    return this.#store(rows, newest, { use })
  }

  /** After any failure but `full`, such as a failed sync, nothing is written any more. */
  async written(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      const fault = faultOf(error)
      if (fault.failure !== 'full') this.#fault = fault
      throw error
    }
  }

  #moved(): Promise<void> {
    this.#move ??= this.#moveOnce().finally(() => {
      this.#move = undefined
    })
    return this.#move
  }

  /** On a full disk the transactions are as small as they must be, down to one block each. */
  async #moveOnce(): Promise<void> {
    const half = this.#parts.journal.moving
    for (let { atOnce } = this.#parts; ; atOnce = Math.floor(atOnce / 4)) {
      try {
        await this.#moveParts(half, atOnce)
        break
      } catch (error) {
        if (atOnce < 2 || faultOf(error).failure !== 'full') throw error
      }
    }
    half.empty()
  }

  async #moveParts(half: JournalHalf, atOnce: number): Promise<void> {
    for (const { rows, newest } of half.parts(atOnce, this.#held)) {
      await this.#store(rows, newest, { use: 'move' })
    }
  }

  async #store(
    rows: readonly PackedRow[],
    newest: Revision,
    { use = 'shrink', ...change }: { use?: WriteUse } & Partial<JournalState> = {},
  ): Promise<void> {
    if (this.#fault) throw this.#fault
    const { tables, journal, dropped } = this.#parts
    const { seal } = journal
    const state = { newest, seal, formerSeal: seal, dropped, isClean: false, ...change }
    await this.written(tables.write(rows, state, use))
    this.#held = newest
  }
}

function faultOf(cause: unknown): EngineError {
  if (cause instanceof EngineError && cause.failure === 'full') return cause
  return new EngineError('unavailable', diskFailed, { cause })
}
