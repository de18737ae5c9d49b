import type { OwnRetention } from '../../../core/identity/retention.ts'
import { invalidValue } from '../../rest/errors.ts'
import { dayMs } from './wire.ts'

const parts: readonly string[] = ['days', 'renewOnRead', 'renewOnWrite', 'onExpiry']

/**
 * The retention that a body asks for. Members that are left out are as for unnamed stores: reads
 * and writes renew the retention, and at its end the store is dropped. The core checks the limits
 * of `days`. Throws RequestError.
 */
export function retentionOf(value: unknown): OwnRetention {
  if (value === 'none' || value === 'default') return value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidValue('retention must be "none", "default" or an object with days')
  }
  const fields: Readonly<Record<string, unknown>> = { ...value }
  const unknown = Object.keys(fields).find((name) => !parts.includes(name))
  if (unknown !== undefined)
    throw invalidValue(`retention has no ${unknown}, only ${parts.join(', ')}`)
  const { days, renewOnRead = true, renewOnWrite = true, onExpiry = 'drop' } = fields
  if (typeof days !== 'number') throw invalidValue('retention.days must be a number')
  return {
    ttlMs: Math.round(days * dayMs),
    renewOnRead: claimOf('renewOnRead', renewOnRead),
    renewOnWrite: claimOf('renewOnWrite', renewOnWrite),
    onExpiry: endOf(onExpiry),
  }
}

function claimOf(field: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw invalidValue(`retention.${field} must be true or false`)
}

function endOf(value: unknown): 'drop' | 'clear' {
  if (value === 'drop' || value === 'clear') return value
  throw invalidValue('retention.onExpiry must be "drop" or "clear"')
}
