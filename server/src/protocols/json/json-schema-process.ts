import { createContext, Script } from 'node:vm'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { LRUCache } from 'lru-cache'
import { strictUtf8 } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'

/** One schema, and the value to check against it; without a value, it is only compiled. */
export interface Question {
  readonly schemaId: string
  /** JSON. Undefined: the process may still have the compiled schema. */
  readonly schema: string | undefined
  /** As JSON in UTF-8. */
  readonly value: Uint8Array | undefined
  /** The check is stopped after this long. */
  readonly checkMsMax: number
}

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'sound' }
  /** The process does not have the compiled schema: ask again, and send the schema. */
  | { readonly kind: 'schema-unknown' }
  /** `reason` says what is wrong with the schema or the value. */
  | { readonly kind: 'unsound'; readonly reason: string }
  /** The check was stopped. */
  | { readonly kind: 'late' }
  /** An internal failure, not the caller's mistake. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Compiled schemas by their ids. */
type Compiled = LRUCache<string, ValidateFunction>

function noneCompiled(): Compiled {
  return new LRUCache({
    max: limits.compiledJsonSchemasMax,
    maxSize: limits.compiledJsonSchemasBytesMax,
  })
}

/**
 * Compiles a schema of draft-07 by itself: nothing is ever fetched, so a `$ref` can only point into
 * its own schema. `format` is not checked, as the draft allows. Throws if the schema is invalid.
 */
function compile(schema: string): ValidateFunction {
  const ajv = new Ajv({
    strict: false,
    logger: false,
    validateFormats: false,
    ownProperties: true,
    inlineRefs: false,
  })
  const validate = ajv.compile(JSON.parse(schema))
  if ('$async' in validate) throw new Error('$async is not part of JSON Schema')
  return validate
}

function answerTo({ schemaId, schema, value }: Question, compiled: Compiled): Answer {
  let validate = compiled.get(schemaId)
  if (!validate) {
    if (schema === undefined) return { kind: 'schema-unknown' }
    try {
      validate = compile(schema)
    } catch (error) {
      const isTooMuch = error instanceof RangeError
      const reason = isTooMuch ? 'it is too large or nested too deeply' : reasonOf(error)
      return { kind: 'unsound', reason }
    }
    if (value) compiled.set(schemaId, validate, { size: schema.length })
  }
  return value ? check(value, validate) : { kind: 'sound' }
}

function check(value: Uint8Array, validate: ValidateFunction): Answer {
  let parsed: unknown
  try {
    parsed = JSON.parse(strictUtf8.decode(value))
  } catch (error) {
    return { kind: 'unsound', reason: `it is not JSON (${reasonOf(error)})` }
  }
  try {
    if (validate(parsed)) return { kind: 'sound' }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { kind: 'unsound', reason: 'it is nested too deeply to be checked' }
  }
  return {
    kind: 'unsound',
    reason: describe(validate.errors?.[0]).slice(0, limits.jsonSchemaReasonLengthMax),
  }
}

function describe(error: ErrorObject | undefined): string {
  if (!error) return 'value does not match'
  const { additionalProperty } = error.params
  const named = typeof additionalProperty === 'string' ? ` (${additionalProperty})` : ''
  return `value${error.instancePath} ${error.message ?? 'does not match'}${named}`
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.slice(0, limits.jsonSchemaReasonLengthMax)
}

/** Answers the parent process until it disconnects. */
function serve(send: (answer: Answer) => unknown): void {
  let compiled = noneCompiled()
  const work = { run: (): void => undefined }
  const context = createContext(work)
  const script = new Script('run()')
  process.on('message', (question: Question) => {
    let answer: Answer = { kind: 'failed', reason: 'the check gave no answer' }
    work.run = () => {
      answer = answerTo(question, compiled)
    }
    try {
      // Only a timeout like this stops a regular expression that would never end.
      script.runInContext(context, { timeout: question.checkMsMax })
    } catch (error) {
      const tooLong = isTimeout(error)
      // The timeout may have come in the middle of a change to the cache.
      if (tooLong) compiled = noneCompiled()
      answer = tooLong ? { kind: 'late' } : { kind: 'failed', reason: reasonOf(error) }
    }
    send(answer)
  })
  process.on('disconnect', () => process.exit())
  // The parent decides when to stop, also if a terminal sends the signal to both processes.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined)
  send({ kind: 'ready' })
}

function isTimeout(error: unknown): boolean {
  // The error comes from another context, which has an Error class of its own.
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
  return code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}

if (process.send) serve(process.send.bind(process))
