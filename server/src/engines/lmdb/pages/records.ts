import { depthMax, numberAt, recordAt } from './layout.ts'

/** The record of a map: where its tree begins and what is in it. */
export interface MapRecord {
  readonly pad: number
  readonly flags: number
  readonly depth: number
  readonly branchPages: number
  readonly leafPages: number
  readonly valuePages: number
  readonly entries: number
  /** Undefined: the map is empty. */
  readonly root: number | undefined
}

export function readRecord(bytes: Buffer, at: number): MapRecord {
  const root = bytes.subarray(at + recordAt.root, at + recordAt.end)
  return {
    pad: bytes.readUInt32LE(at + recordAt.pad),
    flags: bytes.readUInt16LE(at + recordAt.flags),
    depth: bytes.readUInt16LE(at + recordAt.depth),
    branchPages: numberAt(bytes, at + recordAt.branchPages),
    leafPages: numberAt(bytes, at + recordAt.leafPages),
    valuePages: numberAt(bytes, at + recordAt.valuePages),
    entries: numberAt(bytes, at + recordAt.entries),
    root: root.every((byte) => byte === 0xff) ? undefined : numberAt(root, 0),
  }
}

/** What contradicts itself in the record of a map, as a clause; undefined: nothing. */
export function faultOfRecord(record: MapRecord): string | undefined {
  const { depth, branchPages, leafPages, valuePages, entries, root } = record
  if (depth > depthMax) return `has a tree of ${depth} levels`
  const counts = [depth, branchPages, leafPages, valuePages, entries]
  if (root === undefined) {
    return counts.some((count) => count !== 0) ? 'has no tree, but counts pages of it' : undefined
  }
  const hasTree = depth > 0 && leafPages > 0 && entries > 0
  return hasTree ? undefined : 'has a tree, but counts no pages of it'
}
