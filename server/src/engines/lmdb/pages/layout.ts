import { pageBytes } from '../room/tree.ts'

// How LMDB 1.0 of the npm package `lmdb` lays out its pages (MDB_page, MDB_node, MDB_db, MDB_meta):
// https://github.com/kriszyp/lmdb-js/blob/master/dependencies/lmdb/libraries/liblmdb/mdb.c
// DO NOT CHANGE: it is on disk. Numbers are little-endian, those of 8 bytes unsigned.

/** The head of each page; of a long value only its first page has one. */
export const headBytes = 24
export const headAt = {
  number: 0,
  transaction: 8,
  pad: 16,
  flags: 18,
  lower: 20,
  upper: 22,
  /** Of a long value, in place of `lower` and `upper`. */
  pages: 20,
} as const

export const pageFlags = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const

/** Pointers to nodes, `lower` and `upper` count from the end of the head. */
export const bodyBytes = pageBytes - headBytes

/** A node: its size or the number of a page, flags, the length of its key, the key, its data. */
export const nodeHeadBytes = 8
export const nodeAt = { size: 0, flags: 4, keyLength: 6 } as const
/** `paged`: the value has pages of its own. `map`: the value is the record of a map. */
export const nodeFlags = { plain: 0, paged: 1, map: 2 } as const
/** Larger nodes get pages of their own. At least two nodes fit into a page. */
export const nodeBytesMax = ((bodyBytes / 2) & -2) - 2
export const keyLengthMax = nodeBytesMax - nodeHeadBytes - 48

/** What a node has in place of a long value: its first page, its transaction, its pages. */
export const pagedAt = { page: 0, transaction: 8, pages: 16, end: 24 } as const

/** The record of a map: MDB_db. */
export const recordAt = {
  pad: 0,
  flags: 4,
  depth: 6,
  branchPages: 8,
  leafPages: 16,
  valuePages: 24,
  entries: 32,
  root: 40,
  end: 48,
} as const

/** A meta page, with its head. */
export const metaAt = {
  magic: 24,
  version: 28,
  address: 32,
  mapSize: 40,
  free: 48,
  main: 96,
  lastPage: 144,
  transaction: 152,
  end: 168,
} as const

export const magic = 0xbeefc0de
export const version = 2
export const metaPages = 2
/** A tree that is higher ends LMDB's process. */
export const depthMax = 32

/** How many pages a value of this length has. */
export function valuePagesOf(length: number): number {
  return Math.floor((headBytes - 1 + length) / pageBytes) + 1
}

/** A number of 8 bytes. Only numbers below 2^53 are exact; none in a sound file is larger. */
export function numberAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at)
}
