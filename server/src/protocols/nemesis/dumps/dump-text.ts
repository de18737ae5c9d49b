import { type JsonText, parseJsonText, parseUint64 } from '../../json/json-text.ts'
import { JsonTextError } from '../../json/json-text-error.ts'
import { DumpError, type DumpedSession, type DumpedValues } from './dumps.ts'

/**
 * Reads one file of a dump: an array of sessions, or one object with keys but without a session.
 * As in NemesisDB, empty objects among the sessions are left out, and a session may have no keys.
 * Throws DumpError.
 */
export function* readDumpText(text: string): Generator<DumpedValues> {
  const document = parsed(text)
  const items = document.kind === 'array' ? document.items() : [document]
  for (const item of items) {
    const values = valuesOf(item)
    if (values) yield values
  }
}

function parsed(text: string): JsonText {
  try {
    return parseJsonText(text.startsWith('\ufeff') ? text.slice(1) : text)
  } catch (error) {
    if (error instanceof JsonTextError) throw broken('it is not JSON')
    throw error
  }
}

function valuesOf(item: JsonText): DumpedValues | undefined {
  if (item.kind !== 'object') throw broken('it holds something other than sessions')
  const members = item.members()
  const head = members.get('sh')
  const keys = members.get('keys')
  if (!head && !keys) return undefined
  if (keys && keys.kind !== 'object') throw broken('the keys of a session are not an object')
  const values = new Map([...(keys?.members() ?? [])].map(([key, value]) => [key, value.text]))
  return { session: head && sessionOf(head), values }
}

function sessionOf(head: JsonText): DumpedSession {
  if (head.kind !== 'object') throw broken('a session has no description')
  const members = head.members()
  const tkn = members.get('tkn')
  const token = tkn && parseUint64(tkn)
  if (token === undefined) throw broken('a session has no token')
  const expiry = members.get('expiry')
  const limits = expiry?.kind === 'object' ? expiry.members() : new Map<string, JsonText>()
  const duration = limits.get('duration')
  return {
    token,
    isShared: members.get('shared')?.kind === 'true',
    duration: Number((duration && parseUint64(duration)) ?? 0n),
    deleteSession: limits.get('deleteSession')?.kind === 'true',
  }
}

function broken(why: string): DumpError {
  return new DumpError(`The dump is broken: ${why}.`)
}
