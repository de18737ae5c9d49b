import { actorOf, requireAccount } from '../../../core/access/access.ts'
import type { StoreIdentity } from '../../../core/identity/identity.ts'
import { endsByClearing } from '../../../core/identity/retention.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { oneByOne } from '../../../core/records/held-records.ts'
import type { Store } from '../../../core/stores/store.ts'
import { parseUint64 } from '../../json/json-text.ts'
import { allOf, inBatches } from '../call/batches.ts'
import type { Answer, NemesisCall } from '../call/call.ts'
import { assertDeclared, given, optional, type Parameters, required } from '../call/parameters.ts'
import { status } from '../call/status.ts'
import {
  answer,
  CommandError,
  invalidParameter,
  object,
  sessionsAtOnce,
  valuesAtOnce,
} from '../call/wire.ts'
import {
  type DumpDescription,
  DumpError,
  type DumpedSession,
  type DumpedValues,
  type DumpReader,
  type Dumps,
  type DumpWriter,
  type Readable,
} from '../dumps/dumps.ts'
import { LongWork } from '../turns/long-work.ts'
import { retentionOfSeconds } from './sessions.ts'
import { allKeys, recordOfText } from './values.ts'
import { textOf, workOf } from './views.ts'

const saveParameters = [required('name', 'string'), optional('tkns', 'array')]
const loadParameters = [required('names', 'array')]
const secondMs = 1_000
/** All loads wait under one key of their queue. */
export const turnOfLoads = 'load'

/** SH_SAVE: two answers, one at once when the save begins and one at its end. */
export async function save(call: NemesisCall): Promise<Answer> {
  const { parameters, client, dumps, command } = call
  if (!dumps) return answer(command, `{"st":${status.commandDisabled},"m":""}`)
  assertDeclared(parameters, saveParameters)
  const name = given(parameters, 'name').string()
  if (name === '') throw invalidParameter(status.valueSize, 'name')
  const tokens = tokensOf(parameters)
  const { id } = requireAccount(client.principal, 'read')
  const startedAt = call.environment.now()
  const text = JSON.stringify(name)
  try {
    const writer = await createDump(dumps, name, { isWhole: tokens === undefined, userId: id })
    call.begin(answer(command, `{"name":${text},"st":${status.saveStart}}`))
    await abandoning(writer, () => writeSessions(call, writer, { ownerId: id, tokens }))
    const duration = call.environment.now() - startedAt
    return answer(command, `{"name":${text},"st":${status.saveComplete},"duration":${duration}}`)
  } catch (error) {
    if (!(error instanceof DumpError)) throw error
    const body = `{"name":${text},"st":${status.saveError},"m":${JSON.stringify(error.message)}}`
    return answer(command, body)
  }
}

async function createDump(
  dumps: Dumps,
  name: string,
  description: DumpDescription,
): Promise<DumpWriter> {
  try {
    return await dumps.create(name, description)
  } catch (error) {
    if (!(error instanceof DumpError)) throw error
    throw new CommandError(status.saveDirWriteFail, error.message)
  }
}

/**
 * SH_LOAD: restores sessions under their own tokens. A session that exists already is not changed.
 */
export async function load(call: NemesisCall): Promise<Answer> {
  const { parameters, client, command } = call
  assertDeclared(parameters, loadParameters)
  const names = given(parameters, 'names')
    .items()
    .map((item) => (item.kind === 'string' ? item.string() : undefined))
  if (names.includes(undefined)) throw invalidParameter(status.valueTypeInvalid, 'names')
  requireAccount(client.principal, 'manage')
  const wanted = [...new Set(names)].filter((name) => name !== undefined)
  const readers: [string, DumpReader][] = []
  for (const name of wanted) readers.push([name, await openDump(call, name)])
  const members: [string, string][] = []
  for (const [name, reader] of readers) {
    members.push([name, await call.loads.run(turnOfLoads, () => loadDump(call, reader))])
  }
  // NemesisDB answers a load of nothing with an empty object, without the command's name.
  return members.length === 0 ? '{}' : answer(command, object(members))
}

/**
 * Opens the newest dump of that name that the client's user may load. A dump that another user of
 * this server saved is private; dumps of other servers may be loaded. Throws CommandError if there
 * is none.
 */
export async function openDump(call: NemesisCall, name: string): Promise<DumpReader> {
  const { dumps, domain, client } = call
  const readable: Readable = async (userId) => {
    if (userId === undefined || userId === client.principal.user.id) return true
    return (await domain.users.get(userId)) === undefined
  }
  const reader = await dumps?.open(name, readable).catch(missing)
  if (reader) return reader
  throw new CommandError(status.loadError, 'Load path does not exist')
}

function missing(error: unknown): undefined {
  if (!(error instanceof DumpError)) throw error
  return undefined
}

/** Runs `work` and finishes the dump. If either fails, abandons the dump and throws the error. */
export async function abandoning(writer: DumpWriter, work: () => Promise<void>): Promise<void> {
  try {
    await work()
    await writer.finish()
  } catch (error) {
    // Often what made the save fail makes this fail too. The first failure says why. A dump that
    // is not marked as failed is not complete either, so nobody loads it.
    await writer.abandon().catch(ignoreDumpError)
    throw error
  }
}

function ignoreDumpError(error: unknown): void {
  if (!(error instanceof DumpError)) throw error
}

function tokensOf(parameters: Parameters): readonly bigint[] | undefined {
  const array = parameters.get('tkns')
  if (!array) return undefined
  const tokens = array.items().map(parseUint64)
  if (tokens.length === 0) throw invalidParameter(status.valueSize, 'tkns')
  if (tokens.includes(undefined)) throw invalidParameter(status.valueTypeInvalid, 'tkns')
  return tokens.filter((token) => token !== undefined)
}

async function writeSessions(
  call: NemesisCall,
  writer: DumpWriter,
  { ownerId, tokens }: { ownerId: string; tokens: readonly bigint[] | undefined },
): Promise<void> {
  const { domain, client } = call
  const wanted = tokens && new Set(tokens.map(String))
  for await (const { id, session: listed } of domain.sessions.list(ownerId)) {
    if (wanted && !wanted.has(listed.token)) continue
    try {
      const store = await domain.stores.find(id, client.callers.read)
      const session = dumpedOf(await store.identity())
      if (session) await writeStore(call, { store, writer, session })
    } catch (error) {
      // The session ended before anything of it was written.
      if (!(error instanceof StorageError) || error.code !== 'store-not-found') throw error
    }
  }
}

/** Undefined: the store has lost its session. */
function dumpedOf({ session, retention, ...identity }: StoreIdentity): DumpedSession | undefined {
  if (!session) return undefined
  const ttlMs = typeof retention === 'object' ? retention.ttlMs : 0
  return {
    token: BigInt(session.token),
    isShared: session.isShared,
    duration: Math.ceil(ttlMs / secondMs),
    deleteSession: ttlMs > 0 && !endsByClearing({ ...identity, retention }),
  }
}

interface Written {
  readonly store: Store
  readonly writer: DumpWriter
  /** Undefined: the store's values are written without a session. */
  readonly session: DumpedSession | undefined
}

/**
 * Writes a store into a dump. Values that are not JSON are left out. Throws `store-not-found` if
 * the store is gone before anything of it is written, and DumpError if it is gone after that: half
 * of a session must not pass for all of it.
 */
export async function writeStore(
  call: NemesisCall,
  { store, writer, session }: Written,
): Promise<void> {
  let isBegun = false
  try {
    for await (const [key, text] of jsonValues(call, store)) {
      if (!isBegun) await writer.begin(session)
      isBegun = true
      await writer.add(key, text)
    }
    await store.identity() // the last page of keys is empty if the store is gone
  } catch (error) {
    const isGone = error instanceof StorageError && error.code === 'store-not-found'
    if (!isGone || !isBegun) throw error
    throw new DumpError('A session ended, or its store was deleted, while it was saved.', error)
  }
  if (!isBegun) await writer.begin(session)
}

async function* jsonValues(
  call: NemesisCall,
  store: Store,
): AsyncGenerator<readonly [key: string, text: string]> {
  // A save goes on when its client goes away.
  const work = new LongWork({ ...call, room: { isOpen: true } })
  for await (const keys of inBatches(allKeys(store, work), valuesAtOnce)) {
    for (const record of oneByOne(await store.batch.get(keys))) {
      if (!record) continue
      await work.next(workOf(record))
      const text = await textOf(store, record)
      if (text !== undefined) yield [record.key, text]
    }
  }
}

async function loadDump(call: NemesisCall, reader: DumpReader): Promise<string> {
  const load = new Load(call)
  try {
    try {
      for await (const values of reader.read()) await load.add(values)
    } finally {
      await load.finish()
    }
  } catch (error) {
    const isKey = error instanceof StorageError && error.code === 'record-key-invalid'
    if (!(error instanceof DumpError) && !isKey) throw error
    return load.answer(status.loadError, error.message)
  }
  if (load.isWithoutSessions) {
    return load.answer(status.loadError, 'The dump holds values without sessions.')
  }
  return load.answer(load.hasDuplicates ? status.loadDuplicate : status.loadComplete)
}

/** Restores the sessions of a dump, several at the same time. */
class Load {
  readonly #call: NemesisCall
  readonly #waiting = new Map<bigint, Promise<boolean>>()
  #waitingLength = 0
  #sessions = 0
  #keys = 0
  #duplicates = 0
  #others = 0

  constructor(call: NemesisCall) {
    this.#call = call
  }

  get hasDuplicates(): boolean {
    return this.#duplicates > 0
  }

  get isWithoutSessions(): boolean {
    return this.#others > 0 && this.#sessions + this.#duplicates === 0
  }

  /** Throws what `restore` throws. */
  async add({ session, values }: DumpedValues): Promise<void> {
    if (!session) {
      this.#others += 1
      return
    }
    if (this.#waiting.has(session.token)) await this.finish()
    const work = this.#restore(session, values)
    work.catch(() => undefined) // `finish` throws it
    this.#waiting.set(session.token, work)
    for (const text of values.values()) this.#waitingLength += text.length
    const isFull = this.#waiting.size >= sessionsAtOnce
    if (isFull || this.#waitingLength > limits.dumpFileBytesMax) await this.finish()
  }

  /** Waits for all sessions that were added. Throws what `restore` throws. */
  async finish(): Promise<void> {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#waitingLength = 0
    await allOf(waiting)
  }

  answer(code: number, message = ''): string {
    const counts = `"sessions":${this.#sessions},"keys":${this.#keys}`
    return `{"m":${JSON.stringify(message)},${counts},"st":${code}}`
  }

  async #restore(session: DumpedSession, values: ReadonlyMap<string, string>): Promise<boolean> {
    const isNew = await restore(this.#call, session, values)
    if (isNew) {
      this.#sessions += 1
      this.#keys += values.size
    } else this.#duplicates += 1
    return isNew
  }
}

/** Restores one session. False if a session of that token exists already. */
async function restore(
  { domain, client }: NemesisCall,
  { token, isShared, duration, deleteSession }: DumpedSession,
  values: ReadonlyMap<string, string>,
): Promise<boolean> {
  const { principal } = client
  return domain.sessions.restore({
    ownerId: principal.user.id,
    session: { token: String(token), isShared },
    retention: retentionOfSeconds(BigInt(duration), { deleteSession }),
    records: [...values].map(([key, text]) => recordOfText(key, text)),
    actor: actorOf(principal, 'nemesis'),
  })
}
