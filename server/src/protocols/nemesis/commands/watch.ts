import type { Revision } from '../../../core/engine/engine.ts'
import { type Answer, inSession, type NemesisCall } from '../call/call.ts'
import { assertDeclared, given, optional, type Parameters, required } from '../call/parameters.ts'
import { status } from '../call/status.ts'
import { answer, CommandError, invalidParameter } from '../call/wire.ts'

/**
 * KV_WATCH: from now on, or after the revision `after`, the connection gets the changes of the
 * session as `KV_CHANGE`. An addition to NemesisDB's commands.
 */
export async function watch(call: NemesisCall): Promise<Answer> {
  const { parameters, client, command } = call
  return inSession(call, 'read', async ({ store, token }) => {
    assertDeclared(parameters, declared)
    client.watches.assertRoom()
    const after = afterOf(parameters)
    const withValues = parameters.get('vals')?.kind !== 'false'
    const prefix = parameters.get('prefix')?.string() ?? ''
    const owner = client.principal.user.id
    const watcher = await store.watch({ prefix, after, withValues, owner })
    const revision = watcher.resume ?? after
    const number = client.watches.add({ watcher, token, withValues })
    return answer(command, `{"tkn":${token},"st":1,"watch":${number},"rev":${revision}}`)
  })
}

const declared = [
  optional('after', 'number'),
  optional('prefix', 'string'),
  optional('vals', 'bool'),
]

/** KV_UNWATCH: ends a watch of this connection. */
export async function unwatch(call: NemesisCall): Promise<Answer> {
  const { parameters, client, command } = call
  return inSession(call, 'read', async ({ store, token }) => {
    assertDeclared(parameters, [required('watch', 'number')])
    await store.identity() // asks the caller
    const isEnded = client.watches.remove(Number(given(parameters, 'watch').text))
    if (!isEnded) throw new CommandError(status.keyNotExist)
    return answer(command, `{"tkn":${token},"st":1}`)
  })
}

/** Throws CommandError if it is no revision. */
function afterOf(parameters: Parameters): Revision | undefined {
  const text = parameters.get('after')?.text
  if (text === undefined) return undefined
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw invalidParameter(status.valueTypeInvalid, 'after')
}
