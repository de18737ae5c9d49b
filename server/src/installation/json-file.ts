import { readFileSync } from 'node:fs'
import { reasonOf } from '../core/kernel/errors.ts'

/** A file is not what it should be. The message is what one can say about the file. */
export class JsonFileError extends Error {}

/** Refuses invalid UTF-8, and drops a byte order mark, which some editors write. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/** Reads a file with a JSON object. Throws JsonFileError. */
export function readJsonObject(path: string): object {
  const text = textIn(path)
  try {
    const object: unknown = JSON.parse(text)
    if (typeof object === 'object' && object !== null && !Array.isArray(object)) return object
  } catch (error) {
    throw new JsonFileError(`is not JSON: ${reasonOf(error)}`)
  }
  throw new JsonFileError('is not a JSON object')
}

function textIn(path: string): string {
  const bytes = bytesIn(path)
  try {
    return strictUtf8.decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new JsonFileError('is not UTF-8 text')
  }
}

function bytesIn(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new JsonFileError(`can't be read: ${reasonOf(error)}`)
  }
}
