import { CoatcheckError } from '../http/errors.ts'
import { type JsonValue, parseJson, printJson } from '../json/json.ts'
import { delayAfter } from '../waiting/pace.ts'
import { pause } from '../waiting/pause.ts'
import type { CallOptions, StoreAddress } from './address.ts'
import { getRecord } from './read.ts'
import type { StoredRecord } from './record.ts'
import { jsonType } from './value-body.ts'
import { putRecord, type Written } from './write.ts'

export interface UpdateWithOptions extends CallOptions {
  /** How often to try while other writers are faster; 20 by default. */
  readonly attempts?: number | undefined
}

/** What is stored now. `written` is undefined if the function left the value as it is. */
export interface UpdatedWith {
  readonly value: JsonValue | undefined
  readonly written: Written | undefined
}

/** Makes the next value of the one that is there; undefined leaves that one. */
export type NextValue = (value: JsonValue | undefined) => unknown

const attemptsMax = 20
const pace = { minDelayMs: 5, maxDelayMs: 500 } as const

/**
 * Reads a JSON value, lets `next` make a new one, and stores it if nobody else has written since;
 * else all of it once more, so `next` may be called several times. Rejects with
 * `too-many-conflicts` after all attempts, `wrong-value-type` for a record that is not JSON, and as
 * `next` does.
 */
export async function updateWith(
  store: StoreAddress,
  key: string,
  { next, attempts = attemptsMax, ...options }: UpdateWithOptions & { readonly next: NextValue },
): Promise<UpdatedWith> {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const record = await getRecord(store, key, options)
    const old = jsonValueOf(record)
    const value = await next(old)
    if (value === undefined) return { value: old, written: undefined }
    const text = printJson(value)
    try {
      const written = await putRecord(store, key, {
        ...options,
        value: text,
        ifRevision: record?.revision ?? 0,
        contentType: record?.contentType ?? jsonType,
      })
      return { value: parseJson(text), written }
    } catch (error) {
      if (!(error instanceof CoatcheckError && error.type === 'condition-failed')) throw error
    }
    await pause(delayAfter(attempt, pace), options.signal)
  }
  const message = `Other writers changed the record during each of ${attempts} attempts.`
  throw new CoatcheckError(message, { status: 412, type: 'too-many-conflicts' })
}

function jsonValueOf(record: StoredRecord | undefined): JsonValue | undefined {
  if (record === undefined || record.kind === 'json') return record?.value
  const message = `The record has the content type ${record.contentType}, which is not JSON.`
  throw new CoatcheckError(message, { status: 0, type: 'wrong-value-type' })
}
