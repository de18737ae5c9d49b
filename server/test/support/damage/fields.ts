// Where the fields of the formats stand on disk: those of the journal as docs/format.md describes
// them, and those of LMDB 1.0 as in its source:
// https://github.com/kriszyp/lmdb-js/blob/master/dependencies/lmdb/libraries/liblmdb/mdb.c

/** Where a field stands in a file, each time that it occurs. */
export interface Field {
  readonly name: string
  readonly places: readonly Place[]
}

export interface Place {
  readonly at: number
  readonly bytes: number
}

/** Names of fields with the place of each in its structure. */
type Layout = Readonly<Record<string, readonly [at: number, bytes: number]>>

const sealBytes = 16
const journalHeadBytes = 4_096
/** The head has two copies, each in a sector of its own. */
const headCopiesAt = [0, 512] as const
const head: Layout = { seal: [0, 16], checksum: [16, 4] }
const block: Layout = {
  seal: [0, 16],
  checksum: [16, 4],
  length: [20, 4],
  before: [24, 8],
  newest: [32, 8],
  count: [40, 4],
}
const firstEntry: Layout = { 'key length': [44, 2], 'value length': [46, 4], key: [50, 1] }

const metaPages = 2
const pageBytes = 8_192
const pageHead: Layout = {
  number: [0, 8],
  transaction: [8, 8],
  pad: [16, 2],
  flags: [18, 2],
  lower: [20, 2],
  upper: [22, 2],
}
const meta: Layout = {
  magic: [24, 4],
  version: [28, 4],
  address: [32, 8],
  'map size': [40, 8],
  ...tree('free', 48),
  ...tree('main', 96),
  'last page': [144, 8],
  'last transaction': [152, 8],
  boot: [160, 8],
}
const node: Layout = { size: [0, 4], flags: [4, 2], 'key length': [6, 2], content: [8, 32] }
/** Behind the key `state`, which is 5 bytes long. */
const state: Layout = {
  checksum: [5, 4],
  flags: [9, 1],
  newest: [10, 8],
  seal: [18, 16],
  'former seal': [34, 16],
  dropped: [50, 16],
}
const pageFlags = { branch: 1, leaf: 2, overflow: 4 } as const
const headBytes = 24
const metaEntryBytes = 64

/** The fields of `journal`. Its blocks begin with the seal that the file begins with. */
export function journalFields(bytes: Buffer): Field[] {
  const seal = bytes.subarray(0, sealBytes)
  const starts = startsOf(bytes, seal, journalHeadBytes)
  return [
    ...fieldsAt('head', head, headCopiesAt),
    ...fieldsAt('block', block, starts),
    ...fieldsAt('first entry of a block', firstEntry, starts),
  ]
}

/** The fields of `data.mdb`. */
export function dataFields(bytes: Buffer): Field[] {
  const starts = Array.from({ length: bytes.length / pageBytes }, (_, page) => page * pageBytes)
  const others = starts.slice(metaPages)
  const leaves = others.filter((at) => flagsAt(bytes, at) === pageFlags.leaf)
  const branches = others.filter((at) => flagsAt(bytes, at) === pageFlags.branch)
  const overflows = others.filter((at) => flagsAt(bytes, at) === pageFlags.overflow)
  return [
    ...fieldsAt('meta page', pageHead, starts.slice(0, metaPages)),
    ...fieldsAt('meta', meta, starts.slice(0, metaPages)),
    ...fieldsAt('leaf page', pageHead, leaves),
    ...fieldsAt('branch page', pageHead, branches),
    ...fieldsAt('overflow page', pageHead, overflows),
    ...fieldsAt(
      'leaf node',
      node,
      leaves.flatMap((at) => nodesOf(bytes, at)),
    ),
    ...fieldsAt(
      'branch node',
      node,
      branches.flatMap((at) => nodesOf(bytes, at)),
    ),
    ...fieldsAt(
      'pointer to a leaf node',
      { place: [0, 2] },
      leaves.map((at) => at + headBytes),
    ),
    ...fieldsAt('state', state, startsOf(bytes, 'state')),
    {
      name: 'names of the databases',
      places: [...placesOf(bytes, 'meta'), ...placesOf(bytes, 'entries')],
    },
  ].filter(({ places }) => places.length > 0)
}

/** Every place of a file up to its last byte that is not 0, as one field. */
export function anywhere(bytes: Buffer): Field {
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1
  return { name: 'anywhere', places: [{ at: 0, bytes: used }] }
}

function tree(name: string, at: number): Layout {
  return {
    [`${name} tree: pad`]: [at, 4],
    [`${name} tree: flags`]: [at + 4, 2],
    [`${name} tree: depth`]: [at + 6, 2],
    [`${name} tree: counts`]: [at + 8, 32],
    [`${name} tree: root`]: [at + 40, 8],
  }
}

function fieldsAt(name: string, layout: Layout, starts: readonly number[]): Field[] {
  return Object.entries(layout).map(([field, [at, bytes]]) => ({
    name: `${name}: ${field}`,
    places: starts.map((start) => ({ at: start + at, bytes })),
  }))
}

function flagsAt(bytes: Buffer, page: number): number {
  return bytes.readUInt16LE(page + (pageHead.flags?.[0] ?? 0))
}

/** Where the nodes of a page begin. Pointers behind the head count from the end of the head. */
function nodesOf(bytes: Buffer, page: number): number[] {
  const lower = bytes.readUInt16LE(page + (pageHead.lower?.[0] ?? 0))
  const count = Math.min(lower, pageBytes - headBytes) / 2
  const nodes = Array.from({ length: Math.floor(count) }, (_, index) => {
    return page + headBytes + bytes.readUInt16LE(page + headBytes + index * 2)
  })
  return nodes.filter((at) => at + headBytes < page + pageBytes)
}

function placesOf(bytes: Buffer, key: string): Place[] {
  return startsOf(bytes, key).map((at) => ({
    at,
    bytes: Math.min(metaEntryBytes, bytes.length - at),
  }))
}

/** Every occurrence of a key: LMDB keeps copies of pages that are in use no more. */
function startsOf(bytes: Buffer, key: string | Buffer, from = 0): number[] {
  const starts: number[] = []
  for (let at = bytes.indexOf(key, from); at >= 0; at = bytes.indexOf(key, at + 1)) starts.push(at)
  return starts
}
