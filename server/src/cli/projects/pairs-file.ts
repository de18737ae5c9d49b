import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { reasonOf } from '../../core/kernel/errors.ts'
import { parseJsonText } from '../../protocols/json/json-text.ts'
import { JsonTextError } from '../../protocols/json/json-text-error.ts'
import { CommandError } from '../terminal/command-errors.ts'

/** The file name that means standard input or output. */
export const standard = '-'

/** Refuses invalid UTF-8, and drops a byte order mark. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a JSON object of pairs from a file or from standard input. The server would find the same
 * mistakes, but only this process can name the file, the line and the column. Throws CommandError.
 */
export async function readPairs(file: string): Promise<string> {
  const name = file === standard ? 'Standard input' : file
  const text = decode(await read(file), name)
  assertObject(text, name)
  return text
}

async function read(file: string): Promise<Uint8Array> {
  if (file === standard) return buffer(process.stdin)
  return readFile(file).catch((error) => {
    throw new CommandError(`${file} can't be read: ${reasonOf(error)}.`)
  })
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new CommandError(`${name} is not UTF-8 text.`)
  }
}

function assertObject(text: string, name: string): void {
  try {
    if (parseJsonText(text).kind === 'object') return
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error
    throw new CommandError(`${name}, ${placeOf(text, error.position)}: ${error.claim}.`)
  }
  throw new CommandError(`${name} is not a JSON object with a value for each key.`)
}

/** Line and column as editors count them: from 1, and one column for each character. */
function placeOf(text: string, position: number): string {
  const lines = text.slice(0, position).split(/\r\n|\r|\n/)
  const column = [...(lines.at(-1) ?? '')].length + 1
  return `line ${lines.length}, column ${column}`
}
