import { pageBytes } from '../room/tree.ts'
import { type Findings, hasRead } from './findings.ts'
import { headAt, headBytes, magic, metaAt, numberAt, pageFlags, version } from './layout.ts'
import type { PageFile } from './page-file.ts'
import { faultOfRecord, type MapRecord, readRecord } from './records.ts'

/** One of the first two pages: the state after one transaction. Transactions take turns. */
export interface MetaPage {
  readonly place: number
  readonly free: MapRecord
  readonly main: MapRecord
  readonly lastPage: number
  readonly transaction: number
  /** What is wrong with it, as a clause; undefined: nothing. */
  readonly fault: string | undefined
}

export interface MetaPages {
  /** The one that LMDB will use; undefined: it is damaged, or the other one may be newer. */
  readonly newest: MetaPage | undefined
  /** Sentences about damage that LMDB does not notice, and which hides nothing. */
  readonly notes: readonly string[]
}

/** Flags of LMDB's list of free pages: its order, and no encryption. Others mean nothing. */
const freeFlags = { mask: 0x20ff, expected: 0x0008 } as const

/**
 * Reads both meta pages. LMDB uses the one with the higher transaction. If a bit of that number
 * changes, this may be the older one: so it is compared with the pages that it names. All are
 * written by the same transaction.
 */
export function readMetaPages(file: PageFile, findings: Findings): MetaPages {
  const pages = [0, 1].flatMap((place) => readMeta(file, place, findings) ?? [])
  const [first, second] = pages
  if (!first || !second) return { newest: undefined, notes: [] }
  const isSecond = second.transaction > first.transaction
  const [newest, other] = isSecond ? [second, first] : [first, second]
  const fault = newest.fault ?? faultOfTransaction(newest, file)
  if (fault !== undefined) {
    findings.add(newest.place, fault)
    return { newest: undefined, notes: [] }
  }
  return compareWithOther(newest, { other, file, findings })
}

/**
 * After a failed write LMDB puts the old transaction back into the page that it was writing. Its
 * other fields stay those of the failed one. So a newer state without its number is only noted.
 */
function compareWithOther(
  newest: MetaPage,
  { other, file, findings }: { other: MetaPage; file: PageFile; findings: Findings },
): MetaPages {
  const expected = Math.max(0, newest.transaction - 1)
  const written = transactionOfRoot(other, file)
  const isNewer = written !== undefined && written > newest.transaction
  if (other.transaction === expected) {
    const lost = `The data file has the state after transaction ${newest.transaction}.`
    const why = `Page ${other.place} names pages of transaction ${written}: its last write failed`
    if (isNewer) return { newest, notes: [`${lost} ${why}, or newer commits are missing.`] }
    const isHarmless = other.fault !== undefined
    return { newest, notes: isHarmless ? [harmless(other.place, other.fault)] : [] }
  }
  const what = `has the transaction ${other.transaction} instead of ${expected}`
  if (written === undefined || isNewer) {
    findings.add(other.place, `${what}: the newest commits may be missing`)
    return { newest: undefined, notes: [] }
  }
  return { newest, notes: [harmless(other.place, what)] }
}

function harmless(place: number, fault: string): string {
  const use = 'LMDB uses the other one of the first two pages, so nothing is missing'
  return `The data file is damaged: page ${place} ${fault}. ${use}.`
}

function readMeta(file: PageFile, place: number, findings: Findings): MetaPage | undefined {
  const bytes = Buffer.alloc(metaAt.end)
  if (!hasRead(place, findings, () => file.read(place, bytes))) return undefined
  const parts = {
    place,
    free: readRecord(bytes, metaAt.free),
    main: readRecord(bytes, metaAt.main),
    lastPage: numberAt(bytes, metaAt.lastPage),
    transaction: numberAt(bytes, metaAt.transaction),
  }
  return { ...parts, fault: faultOfHead(bytes, place) ?? faultOfFields(parts, file) }
}

function faultOfHead(bytes: Buffer, place: number): string | undefined {
  const number = numberAt(bytes, headAt.number)
  if (number !== place) return `has the number ${number} in its head`
  const flags = bytes.readUInt16LE(headAt.flags)
  if (flags !== pageFlags.meta) return `has the flags ${flags} instead of those of a meta page`
  if (bytes.readUInt32LE(metaAt.magic) !== magic) return 'does not begin as one of LMDB'
  const found = bytes.readUInt32LE(metaAt.version)
  if (found !== version) return `has the version ${found} instead of ${version}`
  const isPlaced = numberAt(bytes, metaAt.address) !== 0
  if (isPlaced) return 'has an address, which it never had'
  const mapBytes = numberAt(bytes, metaAt.mapSize)
  if (mapBytes > mapBytesMax || mapBytes % mapBytesStep !== 0)
    return `has a map of ${mapBytes} bytes`
  return undefined
}

function faultOfFields(
  { free, main, lastPage }: Omit<MetaPage, 'fault'>,
  { pages }: PageFile,
): string | undefined {
  if (free.pad !== pageBytes) return `has pages of ${free.pad} bytes instead of ${pageBytes}`
  const areFlagsRight = (free.flags & freeFlags.mask) === freeFlags.expected && main.flags === 0
  if (!areFlagsRight || main.pad !== 0) return 'has wrong flags'
  if (lastPage < 1 || lastPage >= pages) return `has the last page ${lastPage} of ${pages} pages`
  return faultOfRecord(free) ?? faultOfRecord(main)
}

function faultOfTransaction(page: MetaPage, file: PageFile): string | undefined {
  const { transaction, main } = page
  if (main.root === undefined) return undefined
  const written = transactionOfRoot(page, file)
  if (written === transaction) return undefined
  const found = written === undefined ? 'no page of a tree' : `a page of transaction ${written}`
  return `has the transaction ${transaction}, but names ${found} as the root of its maps`
}

/** The transaction in the root of the list of maps, which every transaction writes. */
function transactionOfRoot({ main }: MetaPage, file: PageFile): number | undefined {
  if (main.root === undefined) return 0
  const head = Buffer.alloc(headBytes)
  if (main.root >= file.pages) return undefined
  try {
    file.read(main.root, head)
  } catch {
    return undefined // The walk through the tree reports it, if it matters.
  }
  const flags = head.readUInt16LE(headAt.flags)
  const isRoot = numberAt(head, headAt.number) === main.root
  const isOfTree = flags === pageFlags.leaf || flags === pageFlags.branch
  return isRoot && isOfTree ? numberAt(head, headAt.transaction) : undefined
}

/** What one process can map, and the steps in which lmdb makes the map longer. */
const mapBytesMax = 2 ** 46
const mapBytesStep = 4_096
