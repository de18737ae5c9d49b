import { dirname, join } from 'node:path'
import type { Entry } from '../../../src/core/engine/engine.ts'
import type { InstalledEngine } from '../../../src/core/engine/installed-engine.ts'
import type { openEngine } from '../../../src/engines/open.ts'
import type { readConfig } from '../../../src/installation/config.ts'
import type { checkData } from '../../../src/installation/opened-data.ts'
import { injectFaults } from '../disk/file-faults.ts'
import { bytesOf, damaged, describe, nameOf, type ShownEntry } from '../disk/workload.ts'
import type { Examination, ExaminerJob, Reading } from './examiner.ts'

// A process that opens one folder after the other, reads all that is in it, and reports. It may
// end at any moment: LMDB trusts its file.
const [, , server = '', faults] = process.argv
const faultsMet = { count: 0 }
if (faults) injectFaults(JSON.parse(faults), () => (faultsMet.count += 1))

const engines: { openEngine: typeof openEngine } = await load('engines/open.ts')
const { checkData: check }: { checkData: typeof checkData } = await load(
  'installation/opened-data.ts',
)
const { readConfig: read }: { readConfig: typeof readConfig } = await load('installation/config.ts')

/** From the first key to the last: scans of a sound folder end, those of a damaged one may not. */
const everything = { start: Buffer.alloc(0), end: Buffer.alloc(64, 0xff) }
const pageLimit = 200
const pageBytes = 1_048_576
const entriesMax = 20_000
const nothing: Reading = {
  refusal: undefined,
  got: [],
  listed: [],
  failures: [],
  next: undefined,
}

process.on('message', async (job: ExaminerJob) => {
  process.send?.(await examine(job))
})

async function examine({ folder, keys, steps }: ExaminerJob): Promise<Examination> {
  const checkedBefore = steps.includes('check') ? await problemsIn(dirname(folder)) : []
  const first = await readFolder(folder, { keys, isCommitting: steps.includes('commit') })
  const again = steps.includes('again')
    ? await readFolder(folder, { keys, isCommitting: false })
    : undefined
  const checkedAfter = steps.includes('check') ? await problemsIn(dirname(folder)) : []
  return { first, again, checkedBefore, checkedAfter, faultsMet: faultsMet.count }
}

/** What `coatcheck check` would print. */
async function problemsIn(data: string): Promise<string[]> {
  try {
    const config = read(['--data', data], {})
    const { problems, notes = [] } = await check(config, {})
    return [...problems, ...notes]
  } catch (error) {
    return [sentenceOf(error)]
  }
}

async function readFolder(
  folder: string,
  { keys, isCommitting }: { keys: readonly string[]; isCommitting: boolean },
): Promise<Reading> {
  let engine: InstalledEngine
  try {
    engine = await engines.openEngine({ name: 'lmdb', folder })
  } catch (error) {
    return { ...nothing, refusal: sentenceOf(error) }
  }
  const failures: string[] = []
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      failures.push(sentenceOf(error))
      return undefined
    }
  }
  const got: (readonly [string, ShownEntry | undefined])[] = []
  for (const key of keys) {
    await attempt(async () => {
      const [entry] = await engine.get([bytesOf(key)])
      got.push([key, entry && shown(entry)])
    })
  }
  const listed = (await attempt(() => list(engine))) ?? []
  const next = isCommitting ? await attempt(() => commitOne(engine)) : undefined
  await attempt(() => engine.close())
  return { refusal: undefined, got, listed, failures, next }
}

async function list(engine: InstalledEngine): Promise<(readonly [string, ShownEntry])[]> {
  const all: (readonly [string, ShownEntry])[] = []
  let start: Uint8Array = everything.start
  for (let isMore = true; isMore; ) {
    const range = { start, end: everything.end }
    const page = await engine.scan(range, { limit: pageLimit, bytes: pageBytes })
    for (const entry of page.entries) all.push([nameOf(entry.key), shown(entry)])
    const last = page.entries.at(-1)
    isMore = page.more && last !== undefined
    if (last) start = Buffer.concat([last.key, Buffer.alloc(1)])
    if (all.length > entriesMax) throw new Error('The listing does not end.')
  }
  return all
}

async function commitOne(engine: InstalledEngine): Promise<number> {
  const key = bytesOf('examined')
  const commit = await engine.commit({ puts: [{ key, value: Buffer.from('once') }] })
  if (!commit.applied) throw new Error('A commit without checks was refused.')
  const [entry] = await engine.get([key])
  if (entry?.revision !== commit.revision) throw new Error('A commit is not seen after it.')
  return commit.revision
}

function shown(entry: Entry): ShownEntry {
  const value = entry.isDamaged ? damaged : describe(nameOf(entry.key), entry.value)
  return { revision: entry.revision, value }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `not an error: ${error}`
}

function load<T>(path: string): Promise<T> {
  return import(join(server, 'src', path))
}
