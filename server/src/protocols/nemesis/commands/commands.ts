import type { Compat, Handler } from './call.ts'
import { load, save } from './dump-commands.ts'
import { find, update } from './search.ts'
import { create, end, endAll, exists, info, infoAll, open } from './sessions.ts'
import * as storeless from './storeless.ts'
import { add, clear, clearSet, contains, count, get, keys, remove, set } from './values.ts'

/**
 * What may be under way at the same time on one connection: commands that read, or commands that
 * write single keys; anything else waits for what is before it, and what is behind waits for it.
 */
export type Pace = 'read' | 'write' | 'alone'

export interface Command {
  readonly handler: Handler
  readonly pace: Pace
}

const reads = (handler: Handler): Command => ({ handler, pace: 'read' })
const writes = (handler: Handler): Command => ({ handler, pace: 'write' })
const alone = (handler: Handler): Command => ({ handler, pace: 'alone' })

/** Every command of NemesisDB 0.4. */
export const commands: ReadonlyMap<string, Command> = new Map([
  ['KV_SET', writes(set)],
  ['KV_SETQ', writes(set)],
  ['KV_ADD', writes(add)],
  ['KV_ADDQ', writes(add)],
  ['KV_GET', reads(get)],
  ['KV_RMV', writes(remove)],
  ['KV_CONTAINS', reads(contains)],
  ['KV_CLEAR', alone(clear)],
  ['KV_COUNT', reads(count)],
  ['KV_KEYS', reads(keys)],
  ['KV_CLEAR_SET', alone(clearSet)],
  ['KV_FIND', reads(find)],
  ['KV_UPDATE', alone(update)],
  ['SH_NEW', alone(create)],
  ['SH_OPEN', alone(open)],
  ['SH_END', alone(end)],
  ['SH_END_ALL', alone(endAll)],
  ['SH_INFO', alone(info)],
  ['SH_INFO_ALL', alone(infoAll)],
  ['SH_EXISTS', alone(exists)],
  ['SH_SAVE', alone(save)],
  ['SH_LOAD', alone(load)],
])

/** What 0.9 has besides, and (of the commands above) what it does where no `tkn` is given. */
export const newCommands: ReadonlyMap<string, Command> = new Map([
  ['KV_SET', writes(storeless.set)],
  ['KV_ADD', writes(storeless.add)],
  ['KV_GET', reads(storeless.get)],
  ['KV_RMV', writes(storeless.remove)],
  ['KV_CONTAINS', reads(storeless.contains)],
  ['KV_CLEAR', alone(storeless.clear)],
  ['KV_COUNT', reads(storeless.count)],
  ['KV_KEYS', reads(storeless.keys)],
  ['KV_CLEAR_SET', alone(storeless.clearSet)],
  ['KV_SAVE', alone(storeless.save)],
  ['KV_LOAD', alone(storeless.load)],
  ['SV_INFO', reads(storeless.serverInfo)],
])

/** What a command of that name, with or without a session, does. */
export function findCommand(
  name: string,
  { compat, hasToken }: { compat: Compat; hasToken: boolean },
): Command | undefined {
  if (compat === '0.9' && !hasToken) return newCommands.get(name) ?? commands.get(name)
  return commands.get(name)
}
