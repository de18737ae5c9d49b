import { actorOf, requireAccount } from '../../../core/access/access.ts'
import type { StoreIdentity, StoreInfo } from '../../../core/identity/identity.ts'
import { endsByClearing, type OwnRetention } from '../../../core/identity/retention.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { type JsonText, parseUint64 } from '../../json/json-text.ts'
import { allOf, inBatches } from '../call/batches.ts'
import {
  type Answer,
  assertAllKeys,
  inSession,
  type NemesisCall,
  withSession,
} from '../call/call.ts'
import { assertDeclared, given, optional, type Parameters, required } from '../call/parameters.ts'
import { status } from '../call/status.ts'
import {
  answer,
  CommandError,
  invalidParameter,
  object,
  sessionsAtOnce,
  syntaxError,
} from '../call/wire.ts'
import { LongWork } from '../turns/long-work.ts'
import { sharedToken } from './shared-token.ts'

const newParameters = [
  optional('expiry', 'object'),
  required('name', 'string'),
  optional('shared', 'bool'),
]
const openParameters = [required('name', 'string')]
const expiryParameters = [required('deleteSession', 'bool'), required('duration', 'number')]
const existsParameters = [required('tkns', 'array')]
const secondMs = 1_000
/** What one look-up counts as long work. */
const lookupUnits = 1_000

/** SH_NEW */
export async function create(call: NemesisCall): Promise<Answer> {
  const { parameters, client, domain, command } = call
  assertDeclared(parameters, newParameters)
  const name = nameOf(parameters)
  const retention = retentionOf(parameters.get('expiry'))
  const { id: ownerId } = requireAccount(client.principal, 'write')
  const wanted = isShared(parameters) ? sharedToken(name) : undefined
  const actor = actorOf(client.principal, 'nemesis')
  try {
    const created = { ownerId, label: name, retention, sharedToken: wanted, actor }
    const { token } = await domain.sessions.create(created)
    return answer(command, `{"st":1,"name":${JSON.stringify(name)},"tkn":${token}}`)
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'session-taken') throw error
    const body = { st: status.sessionNewFail, name: JSON.stringify(name), tkn: wanted ?? 'null' }
    return answer(command, object(Object.entries(body)))
  }
}

/** Whether an SH_NEW asks for a session that others find by its name. */
export function isShared(parameters: Parameters): boolean {
  return parameters.get('shared')?.kind === 'true'
}

/** SH_OPEN: the token of a shared session. */
export async function open(call: NemesisCall): Promise<Answer> {
  const { parameters, command } = call
  assertDeclared(parameters, openParameters)
  const token = sharedToken(nameOf(parameters))
  const found = await findSession(call, token, { isGuess: false })
  if (found?.session?.isShared) return answer(command, `{"tkn":${token},"st":1}`)
  return answer(command, `{"tkn":null,"st":${status.sessionOpenFail}}`)
}

/**
 * SH_END: removes the session's token, and deletes its store unless the store has a name or is an
 * App Lab project.
 */
export async function end(call: NemesisCall): Promise<Answer> {
  return inSession(call, 'manage', async ({ store, token }) => {
    assertAllKeys(call)
    await call.domain.sessions.end(store, call.client.callers.manage)
    return answer(call.command, `{"st":1,"tkn":${token}}`)
  })
}

/** SH_END_ALL: ends all sessions of the connection's user. */
export async function endAll(call: NemesisCall): Promise<Answer> {
  const { domain, client, command } = call
  const { id } = requireAccount(client.principal, 'manage')
  const caller = client.callers.manage
  const endOne = async (storeId: string): Promise<boolean> => {
    try {
      await domain.sessions.end(await domain.stores.find(storeId, caller), caller)
      return true
    } catch (error) {
      // Ended by somebody else meanwhile.
      if (error instanceof StorageError && error.code === 'store-not-found') return false
      throw error
    }
  }
  // It goes on when its client goes away.
  const work = new LongWork({ ...call, room: { isOpen: true } })
  let count = 0
  for await (const batch of inBatches(domain.sessions.list(id), sessionsAtOnce)) {
    await work.next(batch.length * lookupUnits)
    const ended = await allOf(batch.map((session) => endOne(session.id)))
    count += ended.filter(Boolean).length
  }
  return answer(command, `{"st":1,"cnt":${count}}`)
}

/** SH_INFO */
export async function info(call: NemesisCall): Promise<Answer> {
  if (call.parameters.size !== 1) throw syntaxError()
  try {
    return await inSession(call, 'read', async ({ store, token }) => {
      assertAllKeys(call)
      const found = await store.info()
      return answer(call.command, object([['st', 1], ['tkn', token], ...infoMembers(call, found)]))
    })
  } catch (error) {
    const isGone = error instanceof CommandError && error.status === status.sessionNotExist
    if (!isGone) throw error
    const body = `{"st":${error.status},"tkn":${error.token},"shared":null,"keyCnt":null}`
    return answer(call.command, body)
  }
}

function infoMembers(
  { domain }: NemesisCall,
  { session, recordCount, expiresAt, ...identity }: StoreInfo,
): [string, string | number | boolean][] {
  const expires = expiresAt !== undefined
  const members: [string, string | number | boolean][] = [
    ['shared', session?.isShared === true],
    ['keyCnt', recordCount],
    ['expires', expires],
  ]
  if (!expires) return members
  const left = expiresAt - domain.clock.steady()
  const remaining = Math.trunc(left / secondMs)
  const duration = durationOf(identity, left)
  const deleteSession = !endsByClearing(identity)
  const expiry = object([
    ['duration', duration],
    ['remaining', remaining],
    ['deleteSession', deleteSession],
  ])
  return [...members, ['expiry', expiry]]
}

/**
 * The duration of a session, in seconds. For a store without a retention of its own, it is the
 * time that is left (`left` ms) by the server's default retention.
 */
function durationOf({ retention }: Pick<StoreIdentity, 'retention'>, left: number): number {
  const ttlMs = typeof retention === 'object' ? retention.ttlMs : left
  return Math.ceil(ttlMs / secondMs)
}

/** SH_INFO_ALL: totals of the sessions of the connection's user. */
export async function infoAll(call: NemesisCall): Promise<Answer> {
  if (call.parameters.size > 0) throw syntaxError()
  const { id } = requireAccount(call.client.principal, 'read')
  const work = new LongWork(call)
  let sessions = 0
  let records = 0
  for await (const { recordCount } of call.domain.sessions.list(id)) {
    sessions += 1
    records += recordCount
    await work.next(lookupUnits)
  }
  return answer(call.command, `{"totalSessions":${sessions},"totalKeys":${records}}`)
}

/** SH_EXISTS */
export async function exists(call: NemesisCall): Promise<Answer> {
  const { parameters, command } = call
  assertDeclared(parameters, existsParameters)
  const tokens = new Set(given(parameters, 'tkns').items().map(tokenFrom))
  if (tokens.size === 0) return answer(command, '{"st":1}')
  const members: [string, boolean][] = []
  const work = new LongWork(call)
  for (const token of tokens) {
    if (token === undefined) throw new CommandError(status.unknown)
    await work.next(lookupUnits)
    members.push([String(token), await isThere(call, token)])
  }
  return answer(command, `{"st":1,"tkns":${object(members)}}`)
}

/**
 * SH_EXISTS alone takes what its JSON library turns into 64 bits: `true`, fractions, which are cut
 * off, negative numbers, which count from 2^64 down, and digits in a string. Undefined: it can't.
 */
function tokenFrom(item: JsonText): bigint | undefined {
  if (item.kind === 'true' || item.kind === 'false') return item.kind === 'true' ? 1n : 0n
  const text = item.kind === 'string' ? item.string() : item.text
  if (/^-?\d{1,20}$/.test(text)) return fitting(BigInt(text))
  if (item.kind !== 'number') return undefined
  const number = Number(text)
  return Number.isFinite(number) ? fitting(BigInt(Math.trunc(number))) : undefined
}

function fitting(number: bigint): bigint | undefined {
  if (number < -(2n ** 63n) || number >= 2n ** 64n) return undefined
  return BigInt.asUintN(64, number)
}

async function isThere(call: NemesisCall, token: bigint): Promise<boolean> {
  return (await findSession(call, token, { isGuess: true })) !== undefined
}

/**
 * The session of a token; undefined: there is none. `isGuess` is false if the token was computed
 * from a name: then a wrong one is not counted as a guess.
 */
async function findSession(
  call: NemesisCall,
  token: bigint,
  { isGuess }: { isGuess: boolean },
): Promise<StoreIdentity | undefined> {
  try {
    const wanted = { token, action: 'read', isGuess } as const
    return await withSession(call, wanted, (store) => store.identity())
  } catch (error) {
    if (error instanceof StorageError && error.code === 'store-not-found') return undefined
    throw error
  }
}

function nameOf(parameters: Parameters): string {
  const name = given(parameters, 'name').string()
  if (name === '') throw invalidParameter(status.valueSize, 'name')
  return name
}

/**
 * The retention of a new session: every command renews it, and without a duration the session is
 * kept for ever. Throws CommandError.
 */
function retentionOf(expiry: JsonText | undefined): OwnRetention {
  if (!expiry) return 'none'
  const parameters = expiry.members()
  assertDeclared(parameters, expiryParameters)
  const seconds = parseUint64(given(parameters, 'duration'))
  if (seconds === undefined) throw invalidParameter(status.valueTypeInvalid, 'duration')
  const deleteSession = given(parameters, 'deleteSession').kind === 'true'
  return retentionOfSeconds(seconds, { deleteSession })
}

/** The retention of a session of that duration; 0: the session is kept for ever. */
export function retentionOfSeconds(
  seconds: bigint,
  { deleteSession }: { deleteSession: boolean },
): OwnRetention {
  if (seconds === 0n) return 'none'
  return {
    ttlMs: Math.min(Number(seconds) * secondMs, limits.retentionMsMax),
    renewOnRead: true,
    renewOnWrite: true,
    onExpiry: deleteSession ? 'drop' : 'clear',
  }
}
