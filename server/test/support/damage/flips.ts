import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Files, readFolder, writeFolder } from '../disk/recording.ts'
import { serverFolder } from '../disk/sources.ts'
import { damaged, type Shown, type ShownEntry } from '../disk/workload.ts'
import { Random } from '../load/random.ts'
import type { Ending, Examination, Examiner, Reading } from './examiner.ts'
import { anywhere, dataFields, type Field, journalFields } from './fields.ts'
import type { Fault } from './judge.ts'

/** A folder that processes filled, and what it holds. */
export interface Filled {
  readonly name: 'killed' | 'closed'
  readonly files: Files
  readonly entries: Shown
}

export interface Flip {
  readonly file: string
  readonly field: string
  readonly at: number
  readonly bit: number
}

/** Classes of errors that say what is wrong, for a client or an operator. */
const clearErrors = /^(EngineError|StorageError|StartError|DataFolderError): /

/** Fills a folder in `place`, and reads all that is in it. */
export async function fill(
  name: Filled['name'],
  { place, examiner }: { place: string; examiner: Examiner },
): Promise<Filled> {
  const folder = join(place, name, 'lmdb')
  mkdirSync(folder, { recursive: true })
  const script = join(serverFolder, 'test/support/damage/filler-child.ts')
  const words = [script, folder, name === 'killed' ? 'kill' : 'close']
  const { signal, status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  const isDone = name === 'killed' ? signal === 'SIGKILL' : status === 0
  if (!isDone) throw new Error(`The folder was not filled: ${stderr}`)
  const files = readFolder(folder)
  const result = await examiner.examine({ folder, keys: [], steps: ['check'] })
  if ('ended' in result || result.first.refusal !== undefined || result.checkedBefore.length > 0) {
    throw new Error(`The filled folder is not sound: ${JSON.stringify(result)}`)
  }
  return { name, files, entries: new Map(result.first.listed) }
}

/** Draws flips of single bits: the fields in turn, then of each a random bit. */
export function drawFlips(
  { files }: Filled,
  { count, seed }: { count: number; seed: number },
): Flip[] {
  const random = new Random(seed)
  const fields = [...files].flatMap(([file, bytes]) => {
    return fieldsOf(file, bytes).map((field) => ({ file, field }))
  })
  const first = random.between(0, fields.length - 1)
  return Array.from({ length: count }, (_, index) => {
    const { file, field } = fields[(first + index) % fields.length] ?? random.pick(fields)
    const place = random.pick(field.places)
    const at = place.at + random.between(0, place.bytes - 1)
    return { file, field: field.name, at, bit: random.between(0, 7) }
  })
}

/** Opens a copy of the folder with one bit changed, and judges what it shows. */
export async function tryFlip(
  filled: Filled,
  { flip, examiner, place }: { flip: Flip; examiner: Examiner; place: string },
): Promise<Fault> {
  const folder = join(place, 'flipped', 'lmdb')
  const keys = [...filled.entries.keys()]
  const examine = (): Promise<Examination | Ending> => {
    writeFolder(folder, flipped(filled.files, flip))
    return examiner.examine({ folder, keys, steps: ['check', 'commit'] })
  }
  const result = await examine()
  // A flip before may have damaged the memory of this process: a new one tells.
  return judgeFlip(filled.entries, 'ended' in result ? await examine() : result)
}

/**
 * Allowed is the right value, a clear error, and an absence that a check reports, together with the
 * older values that this uncovers. `told` in a fault says that a check reports something.
 */
export function judgeFlip(entries: Shown, result: Examination | Ending): Fault {
  if ('ended' in result) return `${result.ended}: ${result.how}`
  const { first, checkedBefore, checkedAfter } = result
  const told = [...checkedBefore, ...checkedAfter]
  const sentences = [...told, ...first.failures, first.refusal ?? ''].filter(Boolean)
  const unclear = sentences.find((each) => /^\w*Error: /.test(each) && !clearErrors.test(each))
  if (unclear !== undefined) return `unclear error: ${unclear}`
  if (first.refusal !== undefined) return undefined
  const shown = [...first.got, ...first.listed]
  const isTold = told.length > 0
  const wrong = shown.find(([key, entry]) => entry && isWrong(entry, entries.get(key), isTold))
  const suffix = isTold ? ', told' : ''
  if (wrong !== undefined) return `wrong${suffix}: ${JSON.stringify(wrong)}`
  if (isTold) return undefined
  return absenceIn(entries, first) ?? revisionAgain(entries, first)
}

function absenceIn(entries: Shown, { got, listed, failures }: Reading): Fault {
  const missing = got.filter(([, entry]) => entry === undefined).length
  if (missing > 0) return `silent: ${missing} of ${entries.size} entries`
  const unlisted = entries.size - new Set(listed.map(([key]) => key)).size
  return unlisted > 0 && failures.length === 0 ? `silent: ${unlisted} not listed` : undefined
}

function revisionAgain(entries: Shown, { next }: Reading): Fault {
  const newest = Math.max(...[...entries.values()].map(({ revision }) => revision))
  return next !== undefined && next <= newest ? `revision again: ${next}` : undefined
}

/** Where a check tells that commits are missing, an entry may be as it was before them. */
function isWrong(one: ShownEntry, other: ShownEntry | undefined, isTold: boolean): boolean {
  if (one.value === damaged) return false
  if (isTold && other && one.revision < other.revision) return false
  return one.value !== other?.value || one.revision !== other.revision
}

function fieldsOf(file: string, bytes: Buffer): Field[] {
  const known = file === 'journal' ? journalFields(bytes) : dataFields(bytes)
  return [...known, anywhere(bytes)].filter(({ places }) => places.length > 0)
}

function flipped(files: Files, { file, at, bit }: Flip): Files {
  const bytes = Buffer.from(files.get(file) ?? Buffer.alloc(0))
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
  return new Map([...files, [file, bytes]])
}
