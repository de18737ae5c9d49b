import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError, type Revision } from '../../../core/engine/engine.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { halfBytes, JournalFile, type JournalFileParts } from './journal-file.ts'
import { JournalHalf, type Room } from './journal-half.ts'
import { earlySealOf, sealsOf } from './journal-head.ts'
import { type DroppedBlock, type JournalState, sealBytes } from './journal-state.ts'

/** The most that a half holds. */
const halfRoom: Room = { bytes: halfBytes, entries: limits.lmdbJournalHalfEntriesMax }

export interface JournalParts extends JournalFileParts {
  /** What LMDB says of the journal; undefined: data of format 2 or earlier, or no data. */
  readonly state: JournalState | undefined
  /** The newest commit that LMDB holds. */
  readonly newest: Revision
  readonly hashSeed: number
  /**
   * Whether commits that can't be read are given up. Otherwise a journal that is damaged, missing
   * or of other data is refused.
   */
  readonly givesUp?: boolean | undefined
}

/**
 * The file that makes commits durable before LMDB has them. A group costs one synced write here,
 * while LMDB would write every page that the group touches. The file has two halves. While one is
 * filled, the content of the other is moved into LMDB; then that half is overwritten. The content
 * of the file is in memory as well, and is found before LMDB's.
 *
 * A journal serves one run of the server: `begin` starts it anew once LMDB holds all of it.
 */
export class Journal {
  readonly #file: JournalFile
  readonly #halves: readonly [JournalHalf, JournalHalf]
  readonly #givesUp: boolean
  readonly #findings: string[] = []
  #seal: Buffer
  #current: 0 | 1 = 0
  #dropped: DroppedBlock | undefined

  /** Opens the journal of a folder, or creates it. Throws EngineError. */
  constructor(folder: string, parts: JournalParts) {
    const { state, hashSeed } = parts
    this.#halves = [new JournalHalf(halfRoom, hashSeed), new JournalHalf(halfRoom, hashSeed)]
    this.#givesUp = parts.givesUp ?? false
    this.#seal = state?.seal ?? noSeal
    const path = join(folder, 'journal')
    if (state && !state.isClean && !existsSync(path)) {
      this.#refuse(`The journal ${path} is missing: it may hold the newest commits`)
    }
    this.#file = new JournalFile(folder, parts)
    try {
      this.#open(parts)
    } catch (error) {
      this.close()
      throw this.#file.failureOf(error, 'no')
    }
  }

  get path(): string {
    return this.#file.path
  }

  /** The seal that its blocks have. */
  get seal(): Buffer {
    return this.#seal
  }

  /** The half that is being filled. */
  get fresh(): JournalHalf {
    return this.#halves[this.#current]
  }

  /** The other half: it is being moved into LMDB, or was moved. */
  get moving(): JournalHalf {
    return this.#halves[1 - this.#current] as JournalHalf
  }

  /** Sentences for the operator: what was wrong with the file. */
  get findings(): readonly string[] {
    return this.#findings
  }

  /** A block at the end that was not whole; undefined: there was none. */
  get dropped(): DroppedBlock | undefined {
    return this.#dropped
  }

  /**
   * Makes sure that the file is on disk in its whole length and with its seal: before LMDB names
   * that seal as the former one. Throws EngineError.
   */
  async allocate(): Promise<void> {
    this.#file.allocate(this.#seal)
  }

  /**
   * Starts anew with a new seal, which LMDB must name by now; it must hold all commits. All is on
   * disk when this resolves. Throws EngineError.
   */
  async begin(seal: Buffer): Promise<void> {
    this.#file.begin(seal)
    this.#seal = seal
    this.#current = 0
    for (const half of this.#halves) half.empty()
  }

  /**
   * Makes the draft of the fresh half durable, and then visible. Throws EngineError: `full`, then
   * the draft is not applied; `unavailable`, then it is unknown whether the draft is applied, and
   * nothing may be appended any more.
   */
  async append(commits: { before: Revision; newest: Revision }): Promise<void> {
    const half = this.fresh
    const block = half.seal(this.#seal, commits)
    try {
      await this.#file.write(block, this.#current, half.end)
    } catch (error) {
      half.dropDraft()
      throw error
    }
    half.keep(commits.newest)
  }

  /** Switches to the other half and overwrites it: its content must be in LMDB by now. */
  turn(): void {
    this.#current = this.#current === 0 ? 1 : 0
    this.fresh.empty()
  }

  close(): void {
    this.#file.close()
  }

  /** After a stop in order, LMDB holds everything, and the file is not read. */
  #open({ state, newest }: JournalParts): void {
    if (state?.isClean || !this.#file.exists) return
    const head = this.#file.readHead()
    if (!state) {
      this.#seal = earlySealOf(head) ?? noSeal
      if (!this.#seal.equals(noSeal)) this.#load(newest)
      return
    }
    if (!this.#file.isWhole) this.#refuse(`The journal ${this.path} was cut short`)
    const seals = sealsOf(head)
    const isOurs = seals.some((seal) => seal.equals(state.seal) || seal.equals(state.formerSeal))
    if (seals.length > 0 && !isOurs) {
      this.#refuse(`The journal ${this.path} belongs to other data, or to an earlier state of this`)
      return
    }
    if (seals.length < 2) {
      this.#findings.push(
        `The head of the journal ${this.path} is damaged. All commits were found.`,
      )
    }
    this.#load(newest)
  }

  /** After a kill both halves may hold commits that LMDB does not have. */
  #load(newest: Revision): void {
    const loaded = this.#loadHalves(newest)
    const [first, second] = loaded.map(({ before }) => before)
    const isFirstNewer = first !== undefined && (second === undefined || second < first)
    this.#current = isFirstNewer || second === undefined ? 0 : 1
    let reached = newest
    for (const index of [1 - this.#current, this.#current] as const) {
      const before = loaded[index]?.before
      if (before === undefined) continue
      if (before > reached) this.#refuseGap(reached, before)
      if (before > reached) this.#halves[index]?.empty()
      else reached = Math.max(reached, this.#halves[index]?.newest ?? 0)
    }
    const latest = Math.max(...loaded.map(({ behind }) => behind))
    if (latest > reached) this.#refuseGap(reached, latest)
    const broken = loaded.find(({ end, brokenBytes }) => {
      return brokenBytes > 0 && (end === 0 || end === reached)
    })
    if (broken) this.#dropped = { after: reached, bytes: broken.brokenBytes }
  }

  #loadHalves(newest: Revision): readonly LoadedHalf[] {
    const bytes = [0, 1].map((index) => this.#readHalf(index as 0 | 1))
    const seal = this.#seal
    const load = (index: number, first?: Revision): Revision | undefined =>
      this.#halves[index]?.load(bytes[index] ?? none, { seal, held: newest, first })
    const befores = this.#halves.map((_, index) => load(index))
    // The seal of the first block of a half may be damaged: then what comes before must be known.
    for (const [index, half] of this.#halves.entries()) {
      const other = this.#halves[1 - index]?.newest ?? 0
      for (const first of [newest, other]) if (half.isEmpty) befores[index] = load(index, first)
    }
    return this.#halves.map((half, index) => {
      const own = bytes[index] ?? none
      const seen = {
        end: half.newest,
        behind: half.latestBehind(own, seal),
        brokenBytes: half.brokenBytesBehind(own, seal),
      }
      if (half.newest <= newest) half.empty()
      return { ...seen, before: half.isEmpty ? undefined : befores[index] }
    })
  }

  #readHalf(index: 0 | 1): Buffer {
    try {
      return this.#file.readHalf(index)
    } catch (error) {
      if (!this.#givesUp || !(error instanceof EngineError)) throw error
      this.#findings.push(error.message)
      return none
    }
  }

  #refuseGap(newest: Revision, before: Revision): void {
    const missing = `the commits after revision ${newest} up to ${before} are missing`
    this.#refuse(`The journal ${this.path} is damaged: ${missing}`)
  }

  #refuse(what: string): void {
    if (this.#givesUp) {
      this.#findings.push(`${what}.`)
      return
    }
    const wayOn = 'Bring back the right file, or give up what it holds with coatcheck repair'
    throw new EngineError('unavailable', `${what}. ${wayOn}.`)
  }
}

interface LoadedHalf {
  /** The revision before its first block; undefined: LMDB holds all of the half. */
  readonly before: Revision | undefined
  /** Its newest commit, 0: none. */
  readonly end: Revision
  /** The newest commit in any block behind that; see `latestBehind`. */
  readonly behind: Revision
  readonly brokenBytes: number
}

const none = Buffer.alloc(0)
/** Of a file that has none: it has no blocks either. */
const noSeal = Buffer.alloc(sealBytes)
