import { NamedRequest } from '../../../core/idempotency/named-request.ts'
import type { Awaitable } from '../../../core/kernel/awaitable.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { Condition, StoreRecord } from '../../../core/records/record.ts'
import type { NewValue } from '../../../core/records/record-update.ts'
import type { JsonText } from '../../json/json-text.ts'
import { parseUint64 } from '../../json/json-text.ts'
import { jsonType } from '../../json/json-value.ts'
import { computeOf } from '../../json/updates/compute.ts'
import { type Answer, assertKeys, inSession, type NemesisCall, type Session } from '../call/call.ts'
import { assertDeclared, given, optional, required } from '../call/parameters.ts'
import { status } from '../call/status.ts'
import { answer, CommandError, invalidParameter } from '../call/wire.ts'
import { LongWork } from '../turns/long-work.ts'

const incrementParameters = [
  optional('by', 'number'),
  optional('idem', 'string'),
  required('key', 'string'),
]

/**
 * KV_INC: adds to a number; a missing one counts as 0. Ours, in the style of NemesisDB. A command
 * that is sent again with the same `idem` adds nothing.
 */
export function increment(call: NemesisCall): Promise<Answer> {
  const { parameters } = call
  assertDeclared(parameters, incrementParameters)
  const key = given(parameters, 'key').string()
  const by = parameters.get('by')?.text ?? '1'
  return Promise.resolve(
    inSession(call, 'write', async ({ store, token }) => {
      assertKeys(call, [key])
      const turn = (units: number): Awaitable<void> => new LongWork(call).next(units)
      const compute = computeOf({ op: 'increment', by }, { store, turn })
      const request = namedCommand(call, [key, by])
      const updated = await store.update(key, compute, { request })
      const { bytes = '', revision = 0 } = updated ?? {}
      const name = JSON.stringify(key)
      const value = `"val":${Buffer.from(bytes).toString('utf8')},"rev":${revision}`
      return answer(call.command, `{"tkn":${token},"st":1,"key":${name},${value}}`)
    }),
  )
}

/** The parameter `if` of KV_SET: the revision that a key must have; 0: it must not exist. */
export function expectedOf(call: NemesisCall): Condition | undefined {
  const expected = call.parameters.get('if')
  if (!expected) return undefined
  const revision = Number(parseUint64(expected) ?? -1n)
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw invalidParameter(status.valueTypeInvalid, 'if')
  }
  if (given(call.parameters, 'keys').size !== 1) throw invalidParameter(status.valueSize, 'if')
  return revision === 0 ? { kind: 'absent' } : { kind: 'revision', anyOf: [revision] }
}

/**
 * KV_SET of one key with `if` or `idem`: the answer has the new revision. If the key does not have
 * the expected revision, nothing is set, and its status says whether it exists.
 */
export async function setOne(
  call: NemesisCall,
  { store, token }: Session,
  { key, value }: { key: string; value: JsonText },
): Promise<Answer> {
  const { text } = value
  const isExpected = call.parameters.get('if')?.text
  const request = namedCommand(call, [key, text, isExpected])
  const next = {
    contentType: jsonType,
    bytes: Buffer.from(text),
    jsonState: 'sound',
    isChanged: true,
  } as const
  let isNew = false
  const reply = (code: number, more = ''): Answer =>
    answer(call.command, `{"tkn":${token},"keys":{${JSON.stringify(key)}:${code}}${more}}`)
  try {
    const compute = async (before: StoreRecord | undefined): Promise<NewValue> => {
      isNew = before === undefined
      return next
    }
    const set = await store.update(key, compute, { condition: expectedOf(call), request })
    return reply(isNew ? status.keySet : status.keyUpdated, `,"rev":${set?.revision ?? 0}`)
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'condition-failed') throw error
    return reply((await store.head(key)) ? status.keyExists : status.keyNotExist)
  }
}

/** Whether a KV_SET has members that only `setOne` understands. */
export function isSetOfOne({ parameters }: NemesisCall): boolean {
  return parameters.has('if') || parameters.has('idem')
}

/** Throws CommandError. */
function namedCommand(
  { client, command, parameters }: NemesisCall,
  parts: readonly (string | undefined)[],
): NamedRequest | undefined {
  const idem = parameters.get('idem')
  if (!idem) return undefined
  const name = idem.kind === 'string' ? idem.string() : ''
  if (name === '' || name.length > limits.idempotencyKeyLengthMax) {
    throw new CommandError(status.valueSize, 'idem')
  }
  const scope = `user ${client.principal.user.id}`
  return new NamedRequest({ scope, name, parts: [command, ...parts] })
}
