import { Access } from './access/access.ts'
import { Operator, type OperatorSecret } from './access/operator.ts'
import { KeptClock } from './clock/kept-clock.ts'
import { SteadyClock } from './clock/steady-clock.ts'
import { openFormat } from './disk/format.ts'
import { GarbageTally } from './disk/garbage-tally.ts'
import type { Put, StorageEngine } from './engine/engine.ts'
import { EngineWatch } from './engine/engine-watch.ts'
import { GuardedEngine } from './engine/guarded-engine.ts'
import { AuditLog } from './history/audit-log.ts'
import type { Pause } from './history/feed.ts'
import type { WatchedLogParts } from './history/watched-log.ts'
import { Watches } from './history/watches.ts'
import { Activities } from './identity/activities.ts'
import { IdentityCache } from './identity/identity.ts'
import { defaultRetention } from './identity/retention.ts'
import { StoreReader } from './identity/store-reader.ts'
import { SchemaCache } from './identity/store-schema.ts'
import { Background } from './kernel/background.ts'
import { WorkTurns } from './kernel/bounds/work-turns.ts'
import type { Environment } from './kernel/environment.ts'
import { KeyQueue } from './kernel/key-queue.ts'
import type { Actor } from './log/actor.ts'
import { auditPut } from './log/audit.ts'
import { ChangeTrimmer } from './log/change-trimmer.ts'
import { Tokens } from './people/tokens.ts'
import { Users } from './people/users.ts'
import { RecordGuesses } from './records/record-guesses.ts'
import { WriteCombiner } from './records/write-combiner.ts'
import { Lifecycle } from './stores/lifecycle.ts'
import { Projects } from './stores/projects.ts'
import { Revocations } from './stores/revocations.ts'
import { Sessions } from './stores/sessions.ts'
import { SigningSecrets } from './stores/signing-secrets.ts'
import { Stores } from './stores/stores.ts'
import { GarbageSweeper } from './upkeep/garbage-sweeper.ts'
import { Sweeper } from './upkeep/sweeper.ts'
import { LiveUses } from './values/live-uses.ts'
import { Values } from './values/value.ts'

/** The whole domain on one engine, for the doors. */
export interface Domain {
  readonly stores: Stores
  readonly sessions: Sessions
  readonly projects: Projects
  readonly users: Users
  readonly tokens: Tokens
  readonly access: Access
  readonly revocations: Revocations
  readonly signingSecrets: SigningSecrets
  readonly auditLog: AuditLog
  readonly sweeper: Sweeper
  readonly clock: SteadyClock
  /** Says that the machine's clock is right. Throws `store-busy`. */
  confirmClock(actor: Actor | undefined): Promise<void>
  /** Open streams and sockets, whose callers must be checked again regularly. */
  readonly liveUses: LiveUses
  /** Long work for all clients, at all doors. */
  readonly turns: WorkTurns
  /** A queue in which nobody waits longer than for the storage. */
  createQueue(): KeyQueue
  /** Writes everything that is only in memory. The engine stays open. */
  close(): Promise<void>
}

export interface DomainOptions {
  /** How long unnamed stores live without use; 0: they do not expire. */
  readonly unnamedRetentionMs: number
  /** The default for new projects: whether the channel id alone gives access. */
  readonly projectsAreOpen?: boolean
  /** Learns what the engine refuses. */
  readonly watch?: EngineWatch
  /** Undefined: there is no operator. */
  readonly operator?: OperatorSecret | undefined
  /**
   * The engine refuses commits: nothing is written, not even that a store was used. A store whose
   * records have expired then still shows them.
   */
  readonly isReadOnly?: boolean
  /** What watchers need; by default their values are left out. */
  readonly watching?: Watching
}

/** What the domain can't do by itself for watchers. */
export interface Watching {
  readonly pause: Pause
  readonly jsonOf: WatchedLogParts['jsonOf']
}

/** Lets the event loop go on, and takes no time: for tests, and where nobody watches. */
const noWatching: Watching = {
  pause: () => new Promise((resolve) => setImmediate(resolve)),
  jsonOf: () => undefined,
}

/**
 * Throws StorageError `storage-unavailable` if the data has a newer format, or is an incomplete
 * copy.
 */
export async function openDomain(
  rawEngine: StorageEngine,
  environment: Environment,
  options: DomainOptions,
): Promise<Domain> {
  const { unnamedRetentionMs, operator: secret, projectsAreOpen = false } = options
  const { watching = noWatching, isReadOnly = false } = options
  const { watch = new EngineWatch(environment) } = options
  const engine = new GuardedEngine(rawEngine, watch)
  await openFormat(engine, environment, { isReadOnly })
  const clock = new SteadyClock(environment, { isQuiet: isReadOnly })
  const keptClock = await new KeptClock({ engine, environment, clock }).open()
  const background = new Background(environment)
  const identities = new IdentityCache()
  const time = { environment, clock, keptClock }
  const unnamedRetention = defaultRetention(unnamedRetentionMs)
  const own = { engine, ...time, background, identities, unnamedRetention, isReadOnly }
  const activities = new Activities(own)
  const trimmer = new ChangeTrimmer(engine, clock)
  const { values, garbage, tally } = garbageParts({ engine, clock, background })
  const noting = { activities, trimmer, tally }
  const lifecycle = new Lifecycle({ engine, ...time, identities, ...noting })
  const expire = (storeId: string): Promise<void> => lifecycle.expire(storeId)
  const reader = new StoreReader({ engine, identities, activities, expire })
  const shared = { engine, environment, clock, identities, activities, lifecycle }
  const createQueue = (): KeyQueue => new KeyQueue(engine.patience)
  const users = new Users(engine, environment)
  const tokens = new Tokens(engine, { environment, clock })
  const operator = secret && new Operator(users, secret)
  const memory = emptyMemory(createQueue())
  const auditLog = new AuditLog(engine)
  const start = (what: string, work: Promise<unknown>): void => background.start(what, work)
  const watches = new Watches({ engine, environment, reader, values, trimmer, ...watching })
  const records = { background, reader, values, trimmer, tally }
  const parts = { ...shared, ...memory, ...records, tokens, watches }
  const stores = new Stores(parts)
  const access = new Access({ tokens, users, environment, clock, operator, start })
  const secrets = new SigningSecrets({ engine, clock, identities, tokens, stores })
  const revocations = new Revocations({ tokens, users, secrets, access })
  if (!isReadOnly) {
    await activities.start()
    await keptClock.keep()
  }
  return {
    stores,
    sessions: new Sessions(parts, stores),
    projects: new Projects(parts, stores, { areOpen: projectsAreOpen }),
    users,
    tokens,
    access,
    revocations,
    signingSecrets: secrets,
    auditLog,
    liveUses: memory.liveUses,
    turns: new WorkTurns(),
    createQueue,
    sweeper: new Sweeper({ ...shared, keptClock, garbage, trimmer, auditLog, revocations }),
    clock,
    confirmClock: (actor) => keptClock.confirm((at) => confirmedPuts(at, actor)),
    close: async () => {
      watches.close()
      await background.idle()
      if (isReadOnly) return
      await lifecycle.tellExpired()
      await activities.stop()
      await keptClock.close()
    },
  }
}

/** What decides when the bytes of replaced values are removed. */
function garbageParts(parts: {
  engine: StorageEngine
  clock: SteadyClock
  background: Background
}): { values: Values; garbage: GarbageSweeper; tally: GarbageTally } {
  const { engine, background } = parts
  const values = new Values(engine)
  const garbage = new GarbageSweeper({ ...parts, values })
  const tally = new GarbageTally(() => {
    // On a shared storage, what was just replaced must be kept for a while anyway.
    if (!engine.isShared) background.start('Removing replaced values', garbage.sweep())
  })
  return { values, garbage, tally }
}

/** What one server keeps in memory about its own requests. */
function emptyMemory(queue: KeyQueue) {
  return {
    schemas: new SchemaCache(),
    queue,
    liveUses: new LiveUses(),
    combiner: new WriteCombiner(),
    guesses: new RecordGuesses(),
  }
}

/** The line in the audit trail of whoever confirmed the clock. */
function confirmedPuts(at: number, actor: Actor | undefined): readonly Put[] {
  if (!actor) return []
  const event = { action: 'clock-confirmed', subject: 'clock', at, actor } as const
  return [auditPut(actor.userId, event)]
}
