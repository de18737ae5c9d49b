import { type ErrorCode, StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { ownKey, type PageRefusal } from '../../../core/pages/page-rules.ts'
import type { PageRule } from '../../../core/pages/project.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { RequestError } from '../../rest/errors.ts'
import { jsonReply } from '../../rest/replies.ts'

interface Answer {
  readonly status: number
  readonly type: string
  /** Undefined: the error's own message is sent. */
  readonly message?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A refusal with a status, type and message of this door. */
export class PageError extends RequestError {}

/**
 * The project does not allow this to the page. It is a StorageError, so that the store is read
 * again before the page is refused: the cached one may be out of date.
 */
export class PageDenied extends StorageError {
  readonly type: string

  constructor(type: string, message: string) {
    super('access-denied', message)
    this.type = type
  }

  static keyMissing(): PageDenied {
    const message = 'This project needs a page key: ask its owner for it.'
    return new PageDenied('PAGE_KEY_MISSING', message)
  }

  static keyInvalid(): PageDenied {
    const message = 'This page key is wrong, or not valid any more: ask the owner of the project.'
    return new PageDenied('PAGE_KEY_INVALID', message)
  }

  static noDeletion(): PageDenied {
    const remedy = "Its owner can turn that on, or delete them with the owner's token."
    const message = `Pages may not delete keys of this project. ${remedy}`
    return new PageDenied('LOGIN_REQUIRED', message)
  }

  static noListing(prefix: string): PageDenied {
    const which = prefix === '' ? 'the keys' : `the keys under ${prefix.slice(0, 100)}`
    const remedy = "Its owner can turn that on, or list them with the owner's token."
    return new PageDenied(
      'LOGIN_REQUIRED',
      `Pages may not list ${which} of this project. ${remedy}`,
    )
  }
}

/** The rules of the project have changed since a page's write was checked against them. */
export class RulesChanged extends StorageError {
  constructor() {
    super('store-busy', 'The rules of this project are changing just now.')
  }
}

const notFound = {
  status: 404,
  type: 'PROJECT_NOT_FOUND',
  message: 'There is no project with this channel id. Check the address that the page uses.',
} as const

const tryAgain = {
  status: 503,
  type: 'TRY_AGAIN',
  message: 'The data can not be reached just now. Try again in a moment.',
  headers: { 'Retry-After': '1' },
} as const

const keyInvalid = { status: 400, type: 'KEY_INVALID' } as const
const notAllowed = {
  status: 403,
  type: 'NOT_ALLOWED',
  message: 'Your token does not allow you to do this with the data of this project.',
} as const
const loginRequired = {
  status: 401,
  type: 'LOGIN_REQUIRED',
  message: 'Only the owner of this project may do this, with a token that is valid.',
} as const
const invalid = { status: 400, type: 'VALUE_INVALID' } as const
const limitReached = { status: 409, type: 'LIMIT_REACHED' } as const
const changedMeanwhile = {
  status: 412,
  type: 'CONDITION_FAILED',
  message: 'Somebody else has changed this value since you read it. Read it again first.',
} as const

/** The answer of this door to each StorageError. */
const answers = {
  'store-not-found': notFound,
  'store-name-invalid': invalid,
  'store-name-taken': limitReached,
  'store-title-invalid': invalid,
  'store-retention-invalid': invalid,
  'store-schema-invalid': invalid,
  'project-not-found': notFound,
  'project-taken': notFound,
  'channel-invalid': notFound,
  'page-rules-invalid': invalid,
  'seed-not-found': invalid,
  'seed-invalid': invalid,
  'record-not-found': {
    status: 404,
    type: 'KEY_NOT_FOUND',
    message: 'There is no value with this key.',
  },
  'record-exists': changedMeanwhile,
  'record-key-invalid': keyInvalid,
  'content-type-invalid': invalid,
  'content-encoding-invalid': {
    status: 422,
    type: 'VALUE_NOT_JSON',
    message: 'This value is compressed, and can not be unpacked.',
  },
  'value-too-large': {
    status: 413,
    type: 'VALUE_TOO_LARGE',
    message: 'This value is larger than a page can read.',
  },
  'condition-failed': changedMeanwhile,
  'wrong-value-type': { status: 409, type: 'WRONG_VALUE_TYPE' },
  'number-out-of-range': { status: 409, type: 'NUMBER_OUT_OF_RANGE' },
  'patch-failed': { status: 409, type: 'PATCH_FAILED' },
  'update-invalid': { status: 400, type: 'UPDATE_INVALID' },
  'idempotency-key-reused': { status: 422, type: 'IDEMPOTENCY_KEY_REUSED' },
  'record-damaged': {
    status: 500,
    type: 'VALUE_DAMAGED',
    message: 'This value is damaged on the disk of the server. The server has logged this error.',
  },
  'token-missing': loginRequired,
  'token-invalid': loginRequired,
  'access-denied': notAllowed,
  'account-denied': notAllowed,
  'too-many-guesses': {
    status: 429,
    type: 'RATE_LIMIT',
    message: 'Too many wrong keys came from your address. Wait a minute, then try again.',
    headers: { 'Retry-After': `${limits.guessWindowMs / 1_000}` },
  },
  'user-not-found': notFound,
  'username-invalid': invalid,
  'username-taken': limitReached,
  'last-admin': notAllowed,
  'token-not-found': notFound,
  'token-settings-invalid': invalid,
  'share-invalid': invalid,
  'session-taken': limitReached,
  'too-many': limitReached,
  'store-cleared': changedMeanwhile,
  'upload-expired': invalid,
  'upload-aborted': invalid,
  'store-busy': tryAgain,
  'storage-full': {
    status: 507,
    type: 'STORAGE_FULL',
    message: 'The disk of the server is full: nothing was stored.',
  },
  'storage-unavailable': tryAgain,
  'outcome-unknown': tryAgain,
} as const satisfies Record<ErrorCode, Answer>

const refusals = {
  'read-only': {
    type: 'READ_ONLY',
    message: 'The owner of this project lets pages read this key, but not change it.',
  },
  'write-once': {
    type: 'WRITE_ONCE',
    message: 'This key has a value already, and it can only be set once.',
  },
  'append-only': {
    type: 'APPEND_ONLY',
    message: 'You can only add to the end of this value: what is there already must stay as it is.',
  },
  'only-raise': {
    type: 'ONLY_RAISE',
    message: 'This value can only go up: set a number that is not smaller than the one there.',
  },
  'own-keys-only': { type: 'OWN_KEYS_ONLY', message: ownKeysOnly },
} as const satisfies Record<PageRefusal, Refused>

interface Refused {
  readonly type: string
  readonly message: string | ((rule: PageRule) => string)
}

/** The error for a write that a rule of the project does not allow to pages. */
export function ruleRefusal(refusal: PageRefusal, rule: PageRule): PageError {
  const { type, message }: Refused = refusals[refusal]
  const sentence = typeof message === 'string' ? message : message(rule)
  return new PageError({ status: 403, type }, sentence)
}

/** The message of `own-keys-only`. Its example key has a placeholder, not a real user id. */
function ownKeysOnly(rule: PageRule): string {
  const example = ownKey(rule, '<your id>')
  const such = example.length <= exampleLengthMax ? `, such as ${example}` : ''
  const what = 'Here you can only change keys with your own user id in their name'
  return `${what}${such}: getUserId() tells your id.`
}

const exampleLengthMax = 80

/**
 * The same refusal with a status, type and message of this door; `headers` are added to its own.
 */
export function pageErrorOf(
  error: StorageError | RequestError,
  headers: Readonly<Record<string, string>> = {},
): PageError {
  if (error instanceof RequestError) {
    const { status, type, message } = error
    const isOurs = error instanceof PageError
    const all = { ...error.headers, ...headers }
    return new PageError({ status, type: isOurs ? type : typeOf(type), headers: all }, message)
  }
  if (error instanceof PageDenied) {
    return new PageError({ status: 401, type: error.type, headers }, error.message)
  }
  const answer: Answer = answers[error.code]
  const all = { ...answer.headers, ...headers }
  return new PageError({ ...answer, headers: all }, answer.message ?? error.message)
}

/** A type as this door spells it: `METHOD_NOT_ALLOWED` for `method-not-allowed`. */
function typeOf(type: string): string {
  return type.toUpperCase().replaceAll('-', '_')
}

/** `{"msg": <sentence>, "type": <code>}`, which pages get in `onError`. */
export function refusalReply(error: StorageError | RequestError): HttpReply {
  const { status, type, message, headers } = pageErrorOf(error)
  return jsonReply(status, { msg: message, type }, headers)
}

/** The reply to an unexpected error. Its cause is only logged, not sent. */
export function failureReply(): HttpReply {
  const msg = 'Something went wrong on the server, which has logged it. It is not your fault.'
  return jsonReply(500, { msg, type: 'INTERNAL_ERROR' })
}

export function pageNotFound(path: string): RequestError {
  const message = `There is nothing at ${path.slice(0, 200)}: check the address.`
  return new PageError({ status: 404, type: 'NOT_FOUND' }, message)
}
