/** Every way in which the domain says no. A door has one table with an answer for each. */
export type ErrorCode =
  /** No such store, or it has expired. */
  | 'store-not-found'
  | 'store-name-invalid'
  | 'store-name-taken'
  | 'store-title-invalid'
  | 'store-retention-invalid'
  | 'store-schema-invalid'
  | 'record-not-found'
  | 'record-key-invalid'
  | 'content-type-invalid'
  /** The value is not encoded as it says. */
  | 'content-encoding-invalid'
  /** Too large for what was asked. */
  | 'value-too-large'
  /** A condition of the caller does not hold: the record is another one than expected. */
  | 'condition-failed'
  /** The stored bytes fail their checksum. */
  | 'record-damaged'
  | 'token-missing'
  | 'token-invalid'
  | 'access-denied'
  /** The token is for less, or its user may not do that. */
  | 'account-denied'
  /** Too many wrong tokens from this address: wait a minute. */
  | 'too-many-guesses'
  | 'user-not-found'
  | 'username-invalid'
  | 'username-taken'
  /** Nobody else could manage the server then. */
  | 'last-admin'
  | 'token-not-found'
  | 'token-settings-invalid'
  | 'share-invalid'
  /** There is a session of that token already. */
  | 'session-taken'
  /** No such channel, or its store is no project any more. */
  | 'project-not-found'
  /** There is a project of that channel already. */
  | 'project-taken'
  | 'channel-invalid'
  | 'page-rules-invalid'
  /** The project has no seed to be reset to. */
  | 'seed-not-found'
  | 'seed-invalid'
  /** A bound of the server is reached. */
  | 'too-many'
  /** The store was cleared while this value was being uploaded to it. */
  | 'store-cleared'
  /** The upload stood still for so long that its space was taken back. */
  | 'upload-expired'
  /** The sender went away before the value was complete. */
  | 'upload-aborted'
  /** Too many others changed the same thing at the same time; nothing was done. */
  | 'store-busy'
  | 'storage-full'
  /** Storage can't serve now; nothing was done. */
  | 'storage-unavailable'
  /** The answer of storage was lost: the write may be there. */
  | 'outcome-unknown'

/**
 * An expected refusal with a sentence for the user. Anything else that is thrown is our own fault.
 */
export class StorageError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StorageError'
    this.code = code
  }
}
