import { actorOf, requireAccount } from '../../../core/access/access.ts'
import { andThen } from '../../../core/kernel/awaitable.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import type { Action } from '../../../core/people/scope.ts'
import { batchesOf } from '../../../core/records/record-batch.ts'
import type { Store } from '../../../core/stores/store.ts'
import { type Answer, assertAllKeys, assertKeys, type NemesisCall } from '../call/call.ts'
import { allTextsOf, assertDeclared, given, required, textsOf } from '../call/parameters.ts'
import { status } from '../call/status.ts'
import { answer, answerInPieces, CommandError, list, objectPieces } from '../call/wire.ts'
import { DumpError } from '../dumps/dumps.ts'
import { abandoning, openDump, turnOfLoads, writeStore } from './dump-commands.ts'
import { assertCount, keyList, recordOf, recordOfText, roomForWrite } from './values.ts'
import { readyToRead, viewsOf } from './views.ts'

/** Commands of NemesisDB 0.9 without a session use the user's store of this name. */
export const ownStoreName = 'nemesis'

// In 0.9 these statuses are one lower than in 0.4.
const saved = 120
const saveDirWriteFail = 121
const saveError = 122

const keysObject = [required('keys', 'object')]
const keysArray = [required('keys', 'array')]

export async function set(call: NemesisCall): Promise<Answer> {
  const records = recordsOf(call)
  await write(call, records.length, ({ batch }) => batch.put(records))
  return ok(call)
}

export async function add(call: NemesisCall): Promise<Answer> {
  const records = recordsOf(call)
  await write(call, records.length, ({ batch }) => batch.add(records))
  return ok(call)
}

export async function get(call: NemesisCall): Promise<Answer> {
  const keys = keysOf(call)
  const store = await ownStore(call, 'read')
  const views = await viewsOf(call, store, keys)
  const members = keys.flatMap((key, index) => {
    const text = views.texts[index]
    return text === undefined ? [] : [[key, text] as const]
  })
  const notJson = views.notJson.length > 0 ? `"notJson":${list(views.notJson)},` : ''
  return answerInPieces(call.command, ['{"keys":', ...objectPieces(members), `,${notJson}"st":1}`])
}

export async function remove(call: NemesisCall): Promise<Answer> {
  const keys = keysOf(call)
  if (keys.length === 0) throw new CommandError(status.valueSize, 'keys')
  await write(call, keys.length, ({ batch }) => batch.delete(keys))
  return ok(call)
}

/**
 * Runs `use` with the user's store. The commands of one connection reach the queues of their keys
 * in the order in which they came, even if the first of them has to make the store.
 */
async function write<T>(
  call: NemesisCall,
  keyCount: number,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const waiting = roomForWrite(call, keyCount) // undefined for commands that run side by side
  if (waiting) await waiting
  return andThen(
    call.client.lookups.run(() => ownStore(call, 'write')),
    use,
  )
}

/** KV_CONTAINS: a key that is listed twice is in the answer twice. */
export async function contains(call: NemesisCall): Promise<Answer> {
  const keys = keysOf(call)
  await readyToRead(call, keys.length)
  const existed = await (await ownStore(call, 'read')).batch.has(keys)
  const found = new Set(keys.filter((_, at) => existed[at]))
  const all = allTextsOf(given(call.parameters, 'keys'))
  return answer(call.command, `{"contains":${list(all.filter((key) => found.has(key)))},"st":1}`)
}

export async function count(call: NemesisCall): Promise<Answer> {
  assertAllKeys(call)
  return counted(call, await (await ownStore(call, 'read')).batch.count())
}

export async function clear(call: NemesisCall): Promise<Answer> {
  assertAllKeys(call)
  return counted(call, await (await ownStore(call, 'write')).replaceAll([]))
}

export async function clearSet(call: NemesisCall): Promise<Answer> {
  const records = recordsOf(call)
  assertAllKeys(call)
  return counted(call, await (await ownStore(call, 'write')).replaceAll(records))
}

export async function keys(call: NemesisCall): Promise<Answer> {
  const found = await keyList(call, await ownStore(call, 'read'))
  return answerInPieces(call.command, ['{"keys":', ...found, ',"st":1}'])
}

export async function serverInfo({ command, dumps }: NemesisCall): Promise<Answer> {
  const canSave = dumps !== undefined
  return answer(command, `{"st":1,"serverVersion":"0.9","persistEnabled":${canSave}}`)
}

/** KV_SAVE */
export async function save(call: NemesisCall): Promise<Answer> {
  const { command, client, dumps, environment } = call
  const name = nameOf(call)
  if (!dumps) return answer(command, `{"st":${status.commandDisabled}}`)
  assertAllKeys(call)
  const startedAt = environment.now()
  const store = await ownStore(call, 'read')
  let failure = saveDirWriteFail
  try {
    const writer = await dumps.create(name, { isWhole: true, userId: client.principal.user.id })
    failure = saveError
    await abandoning(writer, () => writeStore(call, { store, writer, session: undefined }))
  } catch (error) {
    if (!(error instanceof DumpError)) throw error
    return answer(command, `{"st":${failure},"m":${JSON.stringify(error.message)}}`)
  }
  const duration = environment.now() - startedAt
  return answer(command, `{"duration":${duration},"name":${JSON.stringify(name)},"st":${saved}}`)
}

/** KV_LOAD: overwrites the keys that are in the dump. All other keys stay. */
export async function load(call: NemesisCall): Promise<Answer> {
  const { command, environment } = call
  const name = nameOf(call)
  assertAllKeys(call)
  const text = JSON.stringify(name)
  const startedAt = environment.now()
  const store = await ownStore(call, 'write')
  let count = 0
  try {
    const reader = await openDump(call, name)
    await call.loads.run(turnOfLoads, async () => {
      for await (const { session, values } of reader.read()) {
        if (!session) count += await putAll(store, values)
      }
    })
  } catch (error) {
    if (!(error instanceof DumpError) && !(error instanceof CommandError)) throw error
    return answer(command, `{"name":${text},"st":${status.loadError}}`)
  }
  const duration = environment.now() - startedAt
  const body = `{"duration":${duration},"keys":${count},"name":${text},"sessions":0,"st":${status.loadComplete}}`
  return answer(command, body)
}

async function putAll(store: Store, values: ReadonlyMap<string, string>): Promise<number> {
  const records = [...values].map(([key, value]) => recordOfText(key, value))
  for (const batch of batchesOf(records)) await store.batch.put(batch)
  return records.length
}

function nameOf({ parameters }: NemesisCall): string {
  assertDeclared(parameters, [required('name', 'string')])
  const name = given(parameters, 'name').string()
  if (name === '') throw new CommandError(status.valueSize, 'name')
  return name
}

/** The user's store for commands without a session. It is created on first use. */
export async function ownStore(call: NemesisCall, action: Action): Promise<Store> {
  const { domain, client } = call
  const { id: ownerId } = client.principal.user
  const caller = client.callers[action]
  try {
    return await domain.stores.findByName(ownerId, ownStoreName, caller)
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'store-not-found') throw error
  }
  requireAccount(client.principal, 'write')
  const actor = actorOf(client.principal, 'nemesis')
  const { store } = await domain.stores.open({ ownerId, name: ownStoreName, actor })
  return domain.stores.find(store.id, caller)
}

function recordsOf(call: NemesisCall) {
  assertDeclared(call.parameters, keysObject)
  const keys = given(call.parameters, 'keys')
  assertCount(keys.size)
  const members = keys.members()
  assertKeys(call, members.keys())
  return [...members].map(([key, value]) => recordOf(key, value))
}

function keysOf(call: NemesisCall): readonly string[] {
  assertDeclared(call.parameters, keysArray)
  const wanted = textsOf(given(call.parameters, 'keys'))
  assertCount(wanted.length)
  assertKeys(call, wanted)
  return wanted
}

function ok({ command }: NemesisCall): string {
  return answer(command, '{"st":1}')
}

function counted({ command }: NemesisCall, total: number): string {
  return answer(command, `{"cnt":${total},"st":1}`)
}
