import { Findings } from './findings.ts'
import { FreeList } from './free-list.ts'
import { metaPages, nodeFlags, recordAt } from './layout.ts'
import { LongValues } from './long-values.ts'
import { type MetaPage, readMetaPages } from './meta-pages.ts'
import type { TreePage } from './page.ts'
import { PageFile } from './page-file.ts'
import { PageUses } from './page-uses.ts'
import { faultOfRecord, type MapRecord, readRecord } from './records.ts'
import {
  byteOrder,
  type LeafReport,
  numberOrder,
  TreeWalk,
  type WalkedFile,
  type WalkedTree,
} from './tree-walk.ts'

/** The maps of the engine, with the names that lmdb gives them. */
const mapNames = { entries: 'entries\0', meta: 'meta\0' } as const
/** The keys of the engine's own metadata. */
const metaKeys: readonly string[] = ['newest', 'state']

interface FoundMap {
  readonly record: MapRecord
  /** The newest transaction that may have written its root. */
  readonly newest: number
}

/**
 * A check of LMDB's pages. They have no checksums, and LMDB trusts what is in them: a bit that
 * changed may end the process, or hide entries. This reads the file without LMDB, and compares all
 * that pages say of themselves and of each other. What values hold is not looked at: they have
 * checksums.
 */
export class PageCheck {
  readonly #file: PageFile
  readonly #findings = new Findings()
  #notes: readonly string[] = []
  #lastPage = 0

  /** Throws errors of `node:fs`. */
  constructor(path: string) {
    this.#file = new PageFile(path)
  }

  get findings(): Findings {
    return this.#findings
  }

  /** Sentences about damage that hides nothing. */
  get notes(): readonly string[] {
    return this.#notes
  }

  /** How many pages were read, some of them twice, and about how many there are. */
  get progress(): { readonly read: number; readonly pages: number } {
    return { read: this.#file.readCount, pages: this.#lastPage + 1 }
  }

  /** Yields before each page, so that the caller may give up or do something else. */
  *run(): Generator<undefined> {
    const { newest, notes } = readMetaPages(this.#file, this.#findings)
    this.#notes = notes
    if (!newest) return
    this.#lastPage = newest.lastPage
    const uses = new PageUses(newest.lastPage, metaPages)
    const shared = { file: this.#file, findings: this.#findings, uses }
    const maps = new Map<string, FoundMap>()
    for (const tree of treesOf(newest, shared, maps)) yield* new TreeWalk(shared, tree).run()
    const meta = maps.get(mapNames.meta)
    if (meta) yield* new TreeWalk(shared, treeOf('the metadata', meta, metaLeaf)).run()
    const entries = maps.get(mapNames.entries)
    if (!entries) return
    const values = new LongValues(shared)
    const leaf = (page: TreePage): LeafReport => leafOfEntries(page, values)
    yield* new TreeWalk(shared, treeOf('the entries', entries, leaf)).run()
  }

  close(): void {
    this.#file.close()
  }
}

/** LMDB's own two maps. What the second one names is put into `maps`. */
function treesOf(
  { free, main, transaction }: MetaPage,
  shared: WalkedFile,
  maps: Map<string, FoundMap>,
): readonly WalkedTree[] {
  const list = new FreeList(shared)
  const freeLeaf = (page: TreePage): LeafReport => list.leaf(page, transaction)
  const mainLeaf = (page: TreePage): LeafReport => leafOfMaps(page, maps)
  return [
    {
      ...treeOf('the list of free pages', { record: free, newest: transaction }, freeLeaf),
      order: numberOrder,
      // Here lmdb tolerates a branch with one child, which it makes while it writes the list.
      childrenMin: 1,
    },
    treeOf('the list of maps', { record: main, newest: transaction }, mainLeaf),
  ]
}

function treeOf(
  name: string,
  { record, newest }: FoundMap,
  leaf: (page: TreePage) => LeafReport,
): WalkedTree {
  return { name, record, newest, order: byteOrder, childrenMin: 2, leaf }
}

function leafOfMaps(page: TreePage, maps: Map<string, FoundMap>): LeafReport {
  const names: readonly string[] = Object.values(mapNames)
  for (let index = 0; index < page.count; index += 1) {
    const name = page.key(index).toString('latin1')
    const isMap = page.flags(index) === nodeFlags.map && page.valueLength(index) === recordAt.end
    if (!isMap || !names.includes(name)) return wrong('names a map that Coatcheck does not have')
    const record = readRecord(page.bytes, page.keyEnd(index))
    const isPlain = record.flags === 0 && record.pad === 0
    const fault = isPlain ? faultOfRecord(record) : 'has wrong flags'
    if (fault !== undefined) return wrong(`names a map that ${fault}`)
    maps.set(name, { record, newest: page.transaction })
  }
  return { fault: undefined, valuePages: 0 }
}

function metaLeaf(page: TreePage): LeafReport {
  for (let index = 0; index < page.count; index += 1) {
    const isKnown = metaKeys.includes(page.key(index).toString('latin1'))
    const isPlain = page.flags(index) === nodeFlags.plain
    if (!isKnown || !isPlain) return wrong('has a key that Coatcheck does not write')
  }
  return { fault: undefined, valuePages: 0 }
}

function leafOfEntries(page: TreePage, values: LongValues): LeafReport {
  let valuePages = 0
  for (let index = 0; index < page.count; index += 1) {
    const flags = page.flags(index)
    if (flags === nodeFlags.plain) continue
    if (flags === nodeFlags.map) return { fault: 'has a map', valuePages }
    const value = values.take(page, index)
    if (typeof value === 'string') return { fault: value, valuePages }
    valuePages += value.pages
  }
  return { fault: undefined, valuePages }
}

function wrong(fault: string): LeafReport {
  return { fault, valuePages: 0 }
}
