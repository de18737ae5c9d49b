import type { AtomicWrite, Revision } from '../../../core/engine/engine.ts'
import { logNameOf } from '../../../core/engine/news.ts'
import { limits } from '../../../core/kernel/limits.ts'

/** The channel on which servers tell each other about commits. */
export const channel = 'coatcheck'

/** What a server tells the others about a group of commits. */
export interface Notice {
  /** The newest revision before the group ... */
  readonly before: Revision
  /** ... and after it. */
  readonly newest: Revision
  /** The names of all logs with new entries; undefined: there are too many of them. */
  readonly logs: readonly string[] | undefined
}

const tooMany = '*'
const pattern = /^(\d{1,16}) (\d{1,16})((?: [\w-]{8})*| \*)$/

/** The names of the logs to which these writes add. */
export function logsOf(writes: readonly AtomicWrite[]): readonly string[] {
  const names = new Set<string>()
  for (const { puts = [] } of writes) {
    for (const { key, stamped } of puts) if (stamped) names.add(logNameOf(key))
  }
  return [...names]
}

/** The statement that tells a notice, of digits and base64url: nothing in it needs quoting. */
export function notifyStatement({ before, newest, logs }: Notice): string {
  const head = `${before} ${newest}`
  const whole = [head, ...(logs ?? [tooMany])].join(' ')
  const payload = whole.length <= limits.noticeBytesMax ? whole : `${head} ${tooMany}`
  return `notify ${channel}, '${payload}'`
}

/** Undefined: nobody knows what it says. An older server says nothing. */
export function readNotice(payload: string | undefined): Notice | undefined {
  const [, before, newest, names] = pattern.exec(payload ?? '') ?? []
  if (before === undefined || newest === undefined || names === undefined) return undefined
  const logs = names === ` ${tooMany}` ? undefined : names.split(' ').slice(1)
  return { before: Number(before), newest: Number(newest), logs }
}
