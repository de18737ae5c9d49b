import { limits } from '../../../core/kernel/limits.ts'
import type { Handler } from '../call/call.ts'
import type { Parameters } from '../call/parameters.ts'
import type { Compat } from '../call/wire.ts'
import { load, save } from './dump-commands.ts'
import { find, update } from './search.ts'
import { create, end, endAll, exists, info, infoAll, isShared, open } from './sessions.ts'
import * as storeless from './storeless.ts'
import { increment } from './updates.ts'
import { add, clear, clearSet, contains, count, get, keys, remove, set } from './values.ts'
import { unwatch, watch } from './watch.ts'

/**
 * Which commands of one connection may run at the same time: commands that read (`read`), commands
 * that write single keys or make sessions (`write`), or commands that change or end a whole
 * session, each another one (`session`). An `alone` command waits for all earlier commands, and
 * later commands wait for it.
 */
export type Concurrency = 'read' | 'write' | 'session' | 'alone'

export interface Command {
  readonly handler: Handler
  concurrencyOf(parameters: Parameters): Concurrency
  /** Its errors have the form of 0.9. */
  readonly isNew?: boolean
}

const reads = (handler: Handler): Command => ({ handler, concurrencyOf: () => 'read' })
const writes = (handler: Handler): Command => ({
  handler,
  concurrencyOf: (parameters) => (isLarge(parameters) ? 'alone' : 'write'),
})
const changes = (handler: Handler): Command => ({ handler, concurrencyOf: () => 'session' })
const alone = (handler: Handler): Command => ({ handler, concurrencyOf: () => 'alone' })

/** A write reads its records first: many commands with many keys would read them all at once. */
function isLarge(parameters: Parameters): boolean {
  return (parameters.get('keys')?.size ?? 0) > limits.overlappingKeysMax
}

/**
 * Nobody can use a new session before the answer tells its token. But the token of a shared one is
 * computed from its name, so later commands may use it already.
 */
const makesSession: Command = {
  handler: create,
  concurrencyOf: (parameters) => (isShared(parameters) ? 'alone' : 'write'),
}

/** Every command of NemesisDB 0.4, and those for watching. */
export const commands: ReadonlyMap<string, Command> = new Map([
  ['KV_SET', writes(set)],
  ['KV_SETQ', writes(set)],
  ['KV_ADD', writes(add)],
  ['KV_ADDQ', writes(add)],
  ['KV_GET', reads(get)],
  ['KV_RMV', writes(remove)],
  ['KV_CONTAINS', reads(contains)],
  ['KV_CLEAR', changes(clear)],
  ['KV_COUNT', reads(count)],
  ['KV_KEYS', reads(keys)],
  ['KV_CLEAR_SET', changes(clearSet)],
  ['KV_FIND', reads(find)],
  // Its events must not come before the answers to it and to what came before it.
  ['KV_WATCH', alone(watch)],
  ['KV_UNWATCH', alone(unwatch)],
  ['KV_UPDATE', alone(update)],
  ['KV_INC', writes(increment)],
  ['SH_NEW', makesSession],
  ['SH_OPEN', alone(open)],
  ['SH_END', changes(end)],
  ['SH_END_ALL', alone(endAll)],
  ['SH_INFO', alone(info)],
  ['SH_INFO_ALL', alone(infoAll)],
  ['SH_EXISTS', alone(exists)],
  ['SH_SAVE', alone(save)],
  ['SH_LOAD', alone(load)],
])

/** Commands that only 0.9 has, and 0.9's variants of the commands above for calls without `tkn`. */
export const newCommands: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    KV_SET: writes(storeless.set),
    KV_ADD: writes(storeless.add),
    KV_GET: reads(storeless.get),
    KV_RMV: writes(storeless.remove),
    KV_CONTAINS: reads(storeless.contains),
    KV_CLEAR: alone(storeless.clear),
    KV_COUNT: reads(storeless.count),
    KV_KEYS: reads(storeless.keys),
    KV_CLEAR_SET: alone(storeless.clearSet),
    KV_SAVE: alone(storeless.save),
    KV_LOAD: alone(storeless.load),
    SV_INFO: reads(storeless.serverInfo),
  }).map(([name, command]) => [name, { ...command, isNew: true }]),
)

/**
 * The command of that name. In 0.9 it depends on whether the call has a `tkn`: without one, only
 * the commands of 0.9 and those for sessions exist. Undefined: there is no such command.
 */
export function findCommand(
  name: string,
  { compat, hasToken }: { compat: Compat; hasToken: boolean },
): Command | undefined {
  if (compat === '0.4' || hasToken || name.startsWith('SH_')) return commands.get(name)
  return newCommands.get(name)
}
