/**
 * Every reason for which the domain refuses a request. Each door has one table that maps every code
 * to its response.
 */
export type ErrorCode =
  /** There is no such store, or it has expired. */
  | 'store-not-found'
  | 'store-name-invalid'
  | 'store-name-taken'
  | 'store-title-invalid'
  | 'store-retention-invalid'
  | 'store-schema-invalid'
  | 'record-not-found'
  /** A record with this key exists, and may not be replaced. */
  | 'record-exists'
  | 'record-key-invalid'
  | 'content-type-invalid'
  /** The value's bytes do not match its content encoding. */
  | 'content-encoding-invalid'
  /** The value is too large for the requested operation. */
  | 'value-too-large'
  /** The caller's condition does not hold: the record is not in the expected state. */
  | 'condition-failed'
  /** An update needs a value of another type, such as a number. */
  | 'wrong-value-type'
  /** The result of an update is beyond the numbers that all clients can read. */
  | 'number-out-of-range'
  /** A JSON Patch does not fit the value. */
  | 'patch-failed'
  /** An update itself has a form that is not understood. */
  | 'update-invalid'
  /** The client used this name for another request. */
  | 'idempotency-key-reused'
  /** The stored bytes fail their checksum. */
  | 'record-damaged'
  | 'token-missing'
  | 'token-invalid'
  | 'access-denied'
  /** The token's scope or its user's rights do not allow this. */
  | 'account-denied'
  /** Too many wrong tokens, channel ids or the like from this address or user: wait a minute. */
  | 'too-many-guesses'
  | 'user-not-found'
  | 'username-invalid'
  | 'username-taken'
  /** The change would leave the server without an admin. */
  | 'last-admin'
  | 'token-not-found'
  | 'token-settings-invalid'
  | 'share-invalid'
  /** A session with this token exists already. */
  | 'session-taken'
  /** There is no such channel, or its store is no longer a project. */
  | 'project-not-found'
  /** A project with this channel id exists already. */
  | 'project-taken'
  | 'channel-invalid'
  | 'page-rules-invalid'
  /** The project has no seed to be reset to. */
  | 'seed-not-found'
  | 'seed-invalid'
  /** A limit of the server is reached. */
  | 'too-many'
  /** The store was cleared while this value was being uploaded to it. */
  | 'store-cleared'
  /** The upload made no progress for so long that its chunks were removed. */
  | 'upload-expired'
  /** The sender went away before the value was complete. */
  | 'upload-aborted'
  /** Too many other requests changed the same data at the same time; nothing was done. */
  | 'store-busy'
  | 'storage-full'
  /** The storage can't serve requests now; nothing was done. */
  | 'storage-unavailable'
  /** The storage's response was lost: the write may or may not be stored. */
  | 'outcome-unknown'

/** Whether the storage did not do what it was asked, or did not say whether it did. */
export function isStorageAway(error: unknown): boolean {
  if (!(error instanceof StorageError)) return false
  return error.code === 'storage-unavailable' || error.code === 'outcome-unknown'
}

/**
 * Whether the engine refused a request. The log tells when that begins and ends (see
 * `EngineWatch`), not each request.
 */
export function isRefusedByEngine(error: unknown): boolean {
  return isStorageAway(error) || (error instanceof StorageError && error.code === 'storage-full')
}

/** What an error says, for a message that goes on after it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** An expected error, with a sentence for the user. Any other thrown error is a bug of ours. */
export class StorageError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StorageError'
    this.code = code
  }
}
