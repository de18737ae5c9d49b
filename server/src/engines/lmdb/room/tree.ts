import { assert } from '../../../core/kernel/assert.ts'

/** The size of LMDB's pages. DO NOT CHANGE: it is on disk. */
export const pageBytes = 8_192

/** An entry of this size or more, key included, gets pages of its own. */
const pagedBytesMin = 4_000
/** LMDB's header of a page, or of the pages of one long value. */
const headBytes = 24
/** What an entry takes up in a page besides its key and value. */
const nodeBytes = 10
/** A page that was just split is at least this full, whatever the sizes of its entries are. */
const splitPageBytesMin = 2_048
/** A branch page names at least so many pages once it was split, also if all keys are long. */
const branchFanoutMin = 4
/** Page numbers in one page of LMDB's list of free pages. */
const numbersPerPage = 1_000
/** The most pages of one value: what the engine allows, with its header. */
const valuePagesMax = 2_049
/** The pages of the map with the newest revision, of the list of maps, and some to spare. */
const otherPages = 16

/** The pages of one map, as lmdb counts them. Its types leave them out. */
interface PageCounts {
  readonly treeDepth?: number
  readonly treeBranchPageCount?: number
  readonly treeLeafPageCount?: number
  readonly overflowPages?: number
}

/** What `getStats` of a database returns: `root` is the list of maps, `free` that of free pages. */
export interface Stats extends PageCounts {
  readonly lastPageNumber?: number
  readonly root?: PageCounts
  readonly free?: PageCounts
}

/** The pages of the data file. */
export interface Tree {
  /** The number of the last page that was ever used; LMDB takes new pages behind it. */
  readonly lastPage: number
  /** Pages that LMDB uses again. Those that the last two transactions freed have to wait. */
  readonly freePages: number
  readonly depth: number
  readonly branchPages: number
  readonly leafPages: number
  readonly valuePages: number
  /** The pages of the list of free pages. */
  readonly listPages: number
}

/** Whatever pages of the file are in no map are free. `meta`: the statistics of the other map. */
export function treeOf(entries: Stats, meta: Stats): Tree {
  const { lastPageNumber: lastPage, root, free } = entries
  assert(
    lastPage !== undefined && root !== undefined && free !== undefined,
    'lmdb tells its last page and its own maps',
  )
  const metaPages = 2
  const used = [entries, meta, root, free].map(pagesOf).reduce((sum, pages) => sum + pages)
  return {
    lastPage,
    freePages: Math.max(0, lastPage + 1 - metaPages - used),
    depth: entries.treeDepth ?? 0,
    branchPages: entries.treeBranchPageCount ?? 0,
    leafPages: entries.treeLeafPageCount ?? 0,
    valuePages: entries.overflowPages ?? 0,
    listPages: pagesOf(free),
  }
}

function pagesOf(counts: PageCounts): number {
  const { treeBranchPageCount = 0, treeLeafPageCount = 0, overflowPages = 0 } = counts
  return treeBranchPageCount + treeLeafPageCount + overflowPages
}

/** A row to write: no `packed` bytes remove the key. */
interface SizedRow {
  readonly key: { readonly length: number }
  readonly packed: { readonly length: number }
}

/**
 * The most pages that one transaction takes to write these rows. LMDB copies every page that it
 * changes, up to the root. It is assumed that each row is in a page of its own, that each put
 * splits its page, and that each removal changes a neighbour too, as far as there are pages.
 */
export function pagesFor(rows: readonly SizedRow[], tree: Tree): number {
  let [puts, touched, valuePages, leafBytes] = [0, 0, 0, 0]
  for (const { key, packed } of rows) {
    if (packed.length === 0) {
      touched += 2
      continue
    }
    const isPaged = key.length + packed.length >= pagedBytesMin
    if (isPaged) valuePages += Math.ceil((packed.length + headBytes) / pageBytes)
    leafBytes += key.length + nodeBytes + (isPaged ? 0 : packed.length)
    puts += 1
    touched += 1
  }
  const copiedLeaves = Math.min(touched, tree.leafPages)
  const newLeaves = Math.min(puts, tree.leafPages + Math.ceil(leafBytes / splitPageBytesMin))
  const copiedBranches = Math.min(touched * tree.depth, tree.branchPages)
  const newBranches = Math.ceil(newLeaves / branchFanoutMin) + tree.depth
  const freed = Math.min(rows.length * valuePagesMax, tree.valuePages) + copiedLeaves
  const numbers = tree.freePages + freed + copiedBranches
  const listPages = 2 * Math.ceil(numbers / numbersPerPage) + tree.listPages
  const leaves = copiedLeaves + newLeaves
  return valuePages + leaves + copiedBranches + newBranches + listPages + otherPages
}
