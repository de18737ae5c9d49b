import type { SteadyClock } from '../clock/steady-clock.ts'
import type { GarbageTally } from '../disk/garbage-tally.ts'
import type { StorageEngine } from '../engine/engine.ts'
import type { Activities } from '../identity/activities.ts'
import type { StoreReader } from '../identity/store-reader.ts'
import type { Environment } from '../kernel/environment.ts'
import type { KeyQueue } from '../kernel/key-queue.ts'
import type { ChangeTrimmer } from '../log/change-trimmer.ts'
import type { LiveUses } from '../values/live-uses.ts'
import type { Values } from '../values/value.ts'
import type { RecordGuesses } from './record-guesses.ts'
import type { WriteCombiner } from './write-combiner.ts'

/** The parts of the domain that reading and writing records needs. */
export interface RecordParts {
  readonly engine: StorageEngine
  readonly environment: Environment
  readonly clock: SteadyClock
  readonly reader: StoreReader
  readonly activities: Activities
  readonly values: Values
  readonly queue: KeyQueue
  readonly trimmer: ChangeTrimmer
  readonly tally: GarbageTally
  readonly liveUses: LiveUses
  readonly combiner: WriteCombiner
  readonly guesses: RecordGuesses
}
