import type { ErrorCode, StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { jsonReply } from './replies.ts'

interface Answer {
  readonly status: number
  readonly type: string
  /** Apify's own message, if it is known. Undefined: the reply has the message of the error. */
  readonly message?: string
  /** Whether the message of the error follows Apify's, because that leaves open what is wrong. */
  readonly isExplained?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

const nameRule =
  "Invalid value provided in store: name can only contain letters 'a' through 'z', the digits '0' " +
  "through '9', and the hyphen ('-') but only in the middle of the string (e.g. 'my-value-1')"

const insufficientPermissions =
  "Insufficient permissions for the key-value store. Make sure you're passing a correct API token " +
  'and that it has the required permissions.'

/** For requests that may succeed in a moment. The clients of Apify's API retry by themselves. */
const tryAgain = {
  status: 503,
  type: 'service-unavailable',
  headers: { 'Retry-After': '1' },
} as const

/** The reply to each error of the domain (source: the error catalogue of Apify's API). */
const answers = {
  'store-not-found': {
    status: 404,
    type: 'record-not-found',
    message: 'Key-value Store was not found',
  },
  'store-name-invalid': {
    status: 400,
    type: 'invalid-value',
    message: nameRule,
    isExplained: true,
  },
  'store-name-taken': { status: 409, type: 'name-not-unique' },
  'store-title-invalid': { status: 400, type: 'invalid-value' },
  'store-retention-invalid': { status: 400, type: 'invalid-value' },
  'store-schema-invalid': { status: 400, type: 'store-schema-invalid' },
  'record-not-found': { status: 404, type: 'record-not-found', message: 'Record was not found' },
  'record-exists': { status: 409, type: 'record-exists' },
  'record-key-invalid': {
    status: 400,
    type: 'invalid-record-key',
    message: 'Record key contains invalid character',
    isExplained: true,
  },
  'content-type-invalid': { status: 400, type: 'invalid-content-type-header' },
  'content-encoding-invalid': { status: 422, type: 'invalid-content-encoding' },
  'value-too-large': { status: 413, type: 'record-too-large' },
  'condition-failed': { status: 412, type: 'condition-failed' },
  'wrong-value-type': { status: 409, type: 'wrong-value-type' },
  'number-out-of-range': { status: 409, type: 'number-out-of-range' },
  'patch-failed': { status: 409, type: 'patch-failed' },
  'update-invalid': { status: 400, type: 'invalid-request' },
  'idempotency-key-reused': { status: 422, type: 'idempotency-key-reused' },
  'record-damaged': { status: 500, type: 'record-damaged' },
  'token-missing': {
    status: 401,
    type: 'token-not-provided',
    message: 'Authentication token was not provided',
  },
  'token-invalid': {
    status: 401,
    type: 'user-or-token-not-found',
    message: 'User was not found or authentication token is not valid',
  },
  'access-denied': {
    status: 403,
    type: 'insufficient-permissions',
    message: insufficientPermissions,
  },
  'account-denied': { status: 403, type: 'insufficient-permissions' },
  'too-many-guesses': {
    status: 429,
    type: 'rate-limit-exceeded',
    headers: { 'Retry-After': `${limits.guessWindowMs / 1_000}` },
  },
  'user-not-found': { status: 404, type: 'record-not-found' },
  'username-invalid': { status: 400, type: 'invalid-value' },
  'username-taken': { status: 409, type: 'name-not-unique' },
  'last-admin': { status: 409, type: 'last-admin' },
  'token-not-found': { status: 404, type: 'record-not-found' },
  'token-settings-invalid': { status: 400, type: 'invalid-value' },
  'share-invalid': { status: 400, type: 'invalid-value' },
  'session-taken': { status: 409, type: 'name-not-unique' },
  'project-not-found': { status: 404, type: 'record-not-found' },
  'project-taken': { status: 409, type: 'name-not-unique' },
  'channel-invalid': { status: 400, type: 'invalid-value' },
  'page-rules-invalid': { status: 400, type: 'invalid-value' },
  'seed-not-found': { status: 404, type: 'record-not-found' },
  'seed-invalid': { status: 400, type: 'invalid-value' },
  'too-many': { status: 409, type: 'limit-reached' },
  'store-cleared': { status: 409, type: 'store-cleared' },
  'upload-expired': { status: 408, type: 'upload-expired' },
  'upload-aborted': { status: 400, type: 'invalid-request' },
  'store-busy': tryAgain,
  'storage-full': { status: 507, type: 'insufficient-storage' },
  'storage-unavailable': tryAgain,
  'outcome-unknown': tryAgain,
} as const satisfies Record<ErrorCode, Answer>

/** A refusal by the door itself: the request has a form that the door does not accept. */
export class RequestError extends Error {
  readonly status: number
  readonly type: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    answer: { status: number; type: string; headers?: Readonly<Record<string, string>> },
    message: string,
  ) {
    super(message)
    this.name = 'RequestError'
    this.status = answer.status
    this.type = answer.type
    this.headers = answer.headers ?? {}
  }
}

/** Whether the same request may succeed in a moment, because only the server can't do it now. */
export function isTryAgain({ code }: StorageError): boolean {
  return answers[code].status === tryAgain.status
}

export function replyTo(error: StorageError | RequestError): HttpReply {
  if (error instanceof RequestError) {
    return errorReply(error, error.headers)
  }
  const { status, headers }: Answer = answers[error.code]
  return errorReply({ status, ...toldOf(error) }, headers)
}

/** What the client is told about an error. */
export function toldOf(error: StorageError): { readonly type: string; readonly message: string } {
  const { type, message = error.message, isExplained }: Answer = answers[error.code]
  return { type, message: isExplained ? `${message}. ${error.message}` : message }
}

/** The reply to an unexpected failure. Its cause goes to the log only. */
export function internalErrorReply(): HttpReply {
  const message = 'There was an internal error; the server has logged it.'
  return errorReply({ status: 500, type: 'internal-server-error', message })
}

export function methodNotAllowed(allowed: readonly string[]): RequestError {
  const list = ['OPTIONS', ...allowed].join(',')
  return new RequestError(
    { status: 405, type: 'method-not-allowed', headers: { Allow: list } },
    `This API end-point can only be accessed using the following HTTP methods: ${list}`,
  )
}

/** Creates the error for an invalid field of a store; the caller throws it. */
export function invalidValue(what: string): RequestError {
  return new RequestError(
    { status: 400, type: 'invalid-value' },
    `Invalid value provided in store: ${what}`,
  )
}

function errorReply(
  { status, type, message }: { status: number; type: string; message: string },
  headers?: Readonly<Record<string, string>>,
): HttpReply {
  return jsonReply(status, { error: { type, message } }, headers)
}
