import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeAtRandom } from '../testing.ts'
import { headAt, headBytes, metaAt, numberAt, pagedAt, recordAt } from './layout.ts'
import { PageCheck } from './page-check.ts'

const pageBytes = 8_192
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-pages-'))
const path = join(folder, 'data.mdb')
afterAll(() => rmSync(folder, { recursive: true }))

let sound = Buffer.alloc(0)
beforeAll(async () => {
  const kind = { keys: 4_000, keyLengthMax: 1_000, valueLengths: [60, 9_000], rowsMax: 900 }
  await writeAtRandom(folder, { ...kind, seed: 7, transactions: 12 })
  sound = readFileSync(path)
})

/** Changes `bytes`, and returns the page that a finding must name. */
type Damage = (bytes: Buffer) => number

const pageDamages: readonly [what: string, damage: Damage, says: string][] = [
  ['another number in a head', inHead('leaf', headAt.number, 4), 'has the number'],
  ['the flags of another kind', inHead('leaf', headAt.flags, 1), 'has the flags'],
  ['a branch that says it is a leaf', inHead('branch', headAt.flags, 3), 'has the flags'],
  ['a flag that LMDB never writes', inHead('leaf', headAt.flags + 1, 0x40), 'has the flags'],
  ['a pad', inHead('branch', headAt.pad, 1), 'has a wrong head'],
  ['a transaction to come', inHead('leaf', headAt.transaction + 2, 1), 'was written by'],
  ['an odd end of its list of nodes', inHead('leaf', headAt.lower, 1), 'has its nodes from'],
  ['a node too few', inHead('leaf', headAt.lower, 2), 'has'],
  ['nodes that begin later', inHead('leaf', headAt.upper, 2), 'has'],
  ['nodes that begin behind the page', inHead('branch', headAt.upper + 1, 0x80), 'has its nodes'],
  ['a pointer to the list of pointers', pointsTo('leaf', () => 0), 'outside of its nodes'],
  ['an odd pointer', pointsTo('leaf', (pointer) => pointer + 1), 'outside of its nodes'],
  ['a pointer behind the page', pointsTo('branch', () => 0xfffe), 'outside of its nodes'],
  ['a pointer into a node', pointsTo('leaf', (pointer) => pointer + 2), 'has'],
  ['two pointers to one node', sameNode, 'has'],
  ['a pointer too many', onePointerMore, 'do not overlap'],
  ['a longer key', inNode('leaf', 6, 4), 'has'],
  ['a key longer than the page', inNode('branch', 7, 0x40), 'has a wrong node'],
  ['no key', withoutKey, 'has a wrong node'],
  ['a longer value', inNode('leaf', 0, 4), 'has'],
  ['a value longer than the page', inNode('leaf', 2, 1), 'has a wrong node'],
  ['a node of an unknown kind', inNode('leaf', 4, 8), 'has a wrong node'],
  ['a map among the entries', inNode('leaf', 4, 2), 'has'],
  ['keys out of order', swapPointers('leaf'), 'has keys out of order'],
  ['children out of order', swapPointers('branch'), 'has keys out of order'],
  ['keys above those of its place', swapLeaves(0), 'has a key above what its parent says'],
  ['keys below those of its place', swapLeaves(1), 'has a key below what its parent says'],
  ['a child behind the last page', inNode('branch', 5, 1), 'but the last page is'],
  ['a child that is not its own', otherChild, 'names page'],
  ['the same child twice', sameChild, 'in use or free already'],
]

const otherDamages: readonly [what: string, damage: Damage, says: string][] = [
  ['a long value with another number', inLongValue(headAt.number, 1), 'as the long value'],
  ['a long value with other flags', inLongValue(headAt.flags, 2), 'as the long value'],
  ['a long value of another length', inLongValue(headAt.pages, 1), 'as the long value'],
  ['a long value of another transaction', inLongValue(headAt.transaction, 1), 'as the long value'],
  ['a node that names fewer pages', inPaged(pagedAt.pages, 3), 'has a value of'],
  ['a node that names too many pages', inPaged(pagedAt.pages + 3, 1), 'the last page is'],
  ['a node that names other pages', inPaged(pagedAt.page, 1), 'page'],
  ['a node with another transaction', inPaged(pagedAt.transaction + 1, 1), 'newer than the page'],
  ['a free page that is in use', usedAsFree, 'in use or free already'],
  ['a free page that is free twice', freeLeaf((bytes, at) => numberAt(bytes, at + 16)), 'already'],
  ['a free page behind the last one', freeLeaf(() => 2 ** 40), 'the last page is'],
  ['a meta page as a free one', freeLeaf(() => 1), 'already'],
  ['a list of free pages without end', inFreeList(0, 1), 'has a list of'],
  ['a list of free pages of an odd length', inFreeNode(0, 1), 'has a list of a wrong length'],
  ['a transaction to come in that list', inFreeNode(12, 1), 'has a wrong transaction'],
  ['fewer entries', inRecord('entries', recordAt.entries), 'counts'],
  ['other leaves', inRecord('entries', recordAt.leafPages), 'counts'],
  ['other branches', inRecord('entries', recordAt.branchPages), 'counts'],
  ['other pages of long values', inRecord('entries', recordAt.valuePages), 'counts'],
  ['another depth', inRecord('entries', recordAt.depth), 'has the flags'],
  ['another root', inRecord('entries', recordAt.root), 'page'],
  ['flags of a map', inRecord('meta', recordAt.flags), 'has wrong flags'],
  ['another name of a map', inMain('entries\0', 2), 'does not have'],
  ['another name of the metadata', inMain('meta\0', 0), 'does not have'],
  ['another key in the metadata', inMetadata, 'does not write'],
]

describe('a check of pages names', () => {
  it.each([...pageDamages, ...otherDamages])('%s', (_, damage, says) => {
    const bytes = Buffer.from(sound)
    const page = damage(bytes)
    expect(bytes.equals(sound)).toBe(false)
    const { findings } = checked(bytes)
    expect(findings.filter((each) => each.startsWith(`page ${page} `))).not.toEqual([])
    expect(findings.join('\n')).toContain(says)
  })

  it('a page that the file does not have', () => {
    const bytes = sound.subarray(0, (numberAt(newestOf(sound), metaAt.lastPage) - 1) * pageBytes)
    expect(checked(bytes).findings.join('\n')).toContain('has the last page')
  })

  it('each of several damaged pages', () => {
    const bytes = Buffer.from(sound)
    const pages = leavesOf(bytes).slice(3, 9)
    for (const page of pages) bytes.fill(0, page * pageBytes, (page + 1) * pageBytes)
    const { findings } = checked(bytes)
    expect(findings).toHaveLength(pages.length)
    for (const page of pages) expect(findings.join('\n')).toContain(`page ${page} (the entries)`)
  })

  it('nothing where only values, free pages or unused bytes changed', () => {
    const bytes = Buffer.from(sound)
    const [leaf = 0] = leavesOf(bytes)
    const start = leaf * pageBytes
    const unused = start + headBytes + bytes.readUInt16LE(start + headAt.lower)
    bytes.writeUInt8(bytes.readUInt8(unused) ^ 1, unused)
    const free = Number(freeNumber(bytes).number)
    bytes.fill(0xff, free * pageBytes, (free + 1) * pageBytes)
    const value = longValue(bytes)
    bytes.fill(0xff, value * pageBytes + headBytes, (value + 1) * pageBytes)
    expect(bytes.equals(sound)).toBe(false)
    expect(checked(bytes).findings).toEqual([])
  })
})

function checked(bytes: Buffer): { findings: readonly string[]; notes: readonly string[] } {
  writeFileSync(path, bytes)
  const check = new PageCheck(path)
  for (const _ of check.run());
  check.close()
  return { findings: check.findings.clauses, notes: check.notes }
}

function newestOf(bytes: Buffer): Buffer {
  const [first, second] = [bytes.subarray(0, pageBytes), bytes.subarray(pageBytes, 2 * pageBytes)]
  const transaction = (meta: Buffer): number => numberAt(meta, metaAt.transaction)
  return transaction(first) > transaction(second) ? first : second
}

function mainRoot(bytes: Buffer): number {
  return numberAt(newestOf(bytes), metaAt.main + recordAt.root)
}

/** Where the record of a map is. */
function recordOf(bytes: Buffer, name: 'entries' | 'meta'): number {
  return bytes.indexOf(`${name}\0`, mainRoot(bytes) * pageBytes) + name.length + 1
}

function rootOf(bytes: Buffer, name: 'entries' | 'meta'): number {
  return numberAt(bytes, recordOf(bytes, name) + recordAt.root)
}

function nodesOf(bytes: Buffer, page: number): number[] {
  const start = page * pageBytes
  const count = bytes.readUInt16LE(start + headAt.lower) / 2
  return Array.from({ length: count }, (_, index) => {
    return start + headBytes + bytes.readUInt16LE(start + headBytes + index * 2)
  })
}

function pagesOf(bytes: Buffer, page: number): { leaves: number[]; branches: number[] } {
  const isLeaf = bytes.readUInt16LE(page * pageBytes + headAt.flags) === 2
  if (isLeaf) return { leaves: [page], branches: [] }
  const below = nodesOf(bytes, page).map((at) => pagesOf(bytes, bytes.readUInt32LE(at)))
  const leaves = below.flatMap((each) => each.leaves)
  return { leaves, branches: [page, ...below.flatMap((each) => each.branches)] }
}

function leavesOf(bytes: Buffer): number[] {
  return pagesOf(bytes, rootOf(bytes, 'entries')).leaves
}

/** One in the middle of the tree. */
function pageOf(bytes: Buffer, kind: 'leaf' | 'branch'): number {
  const { leaves, branches } = pagesOf(bytes, rootOf(bytes, 'entries'))
  const pages =
    kind === 'leaf' ? leaves : branches.filter((page) => nodesOf(bytes, page).length > 3)
  return pages[Math.floor(pages.length / 2)] ?? 0
}

function flip(bytes: Buffer, at: number, mask: number): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at)
}

function inHead(kind: 'leaf' | 'branch', at: number, mask: number): Damage {
  return (bytes) => {
    const page = pageOf(bytes, kind)
    flip(bytes, page * pageBytes + at, mask)
    return page
  }
}

function inNode(kind: 'leaf' | 'branch', at: number, mask: number): Damage {
  return (bytes) => {
    const page = pageOf(bytes, kind)
    flip(bytes, (nodesOf(bytes, page)[1] ?? 0) + at, mask)
    return page
  }
}

function pointsTo(kind: 'leaf' | 'branch', change: (pointer: number) => number): Damage {
  return (bytes) => {
    const page = pageOf(bytes, kind)
    const at = page * pageBytes + headBytes + 2
    bytes.writeUInt16LE(change(bytes.readUInt16LE(at)), at)
    return page
  }
}

function sameNode(bytes: Buffer): number {
  const page = pageOf(bytes, 'leaf')
  const at = page * pageBytes + headBytes
  bytes.writeUInt16LE(bytes.readUInt16LE(at), at + 2)
  return page
}

function onePointerMore(bytes: Buffer): number {
  const page = pageOf(bytes, 'leaf')
  const start = page * pageBytes
  const lower = bytes.readUInt16LE(start + headAt.lower)
  bytes.writeUInt16LE(lower + 2, start + headAt.lower)
  bytes.writeUInt16LE(bytes.readUInt16LE(start + headBytes), start + headBytes + lower)
  return page
}

function withoutKey(bytes: Buffer): number {
  const page = pageOf(bytes, 'leaf')
  bytes.writeUInt16LE(0, (nodesOf(bytes, page)[1] ?? 0) + 6)
  return page
}

function swapPointers(kind: 'leaf' | 'branch'): Damage {
  return (bytes) => {
    const page = pageOf(bytes, kind)
    const at = page * pageBytes + headBytes + 2
    const pointers = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)] as const
    bytes.writeUInt16LE(pointers[1], at)
    bytes.writeUInt16LE(pointers[0], at + 2)
    return page
  }
}

/** Two leaves change places; the finding is about one of them. */
function swapLeaves(index: 0 | 1): Damage {
  return (bytes) => {
    const pages = leavesOf(bytes).slice(-2)
    const [one = 0, other = 0] = pages
    const copy = Buffer.from(bytes.subarray(one * pageBytes, (one + 1) * pageBytes))
    bytes.copyWithin(one * pageBytes, other * pageBytes, (other + 1) * pageBytes)
    copy.copy(bytes, other * pageBytes)
    for (const page of pages) {
      bytes.writeUInt32LE(page, page * pageBytes)
      bytes.writeUInt32LE(1, page * pageBytes + headAt.transaction)
    }
    return pages[index] ?? 0
  }
}

/** The branch names a child of the root as its own. */
function otherChild(bytes: Buffer): number {
  const page = pageOf(bytes, 'branch')
  const root = rootOf(bytes, 'entries')
  bytes.writeUInt32LE(
    bytes.readUInt32LE(nodesOf(bytes, root)[0] ?? 0),
    nodesOf(bytes, page)[1] ?? 0,
  )
  return page
}

function sameChild(bytes: Buffer): number {
  const page = pageOf(bytes, 'branch')
  const [, one = 0, other = 0] = nodesOf(bytes, page)
  bytes.copyWithin(other, one, one + 4)
  return page
}

/** Where a node names the pages of its value. */
function pagedNode(bytes: Buffer): { page: number; at: number } {
  const all = leavesOf(bytes).flatMap((page) => nodesOf(bytes, page).map((at) => ({ page, at })))
  const found = all.find(({ at }) => bytes.readUInt16LE(at + 4) === 1)
  const { page, at } = found ?? { page: 0, at: 0 }
  return { page, at: at + 8 + bytes.readUInt16LE(at + 6) }
}

function longValue(bytes: Buffer): number {
  return numberAt(bytes, pagedNode(bytes).at + pagedAt.page)
}

function inLongValue(at: number, mask: number): Damage {
  return (bytes) => {
    const page = longValue(bytes)
    flip(bytes, page * pageBytes + at, mask)
    return page
  }
}

function inPaged(at: number, mask: number): Damage {
  return (bytes) => {
    const node = pagedNode(bytes)
    flip(bytes, node.at + at, mask)
    // The page whose node it is, or the one that it names now.
    const named = numberAt(bytes, node.at + pagedAt.page)
    return at === pagedAt.page && checked(bytes).findings[0]?.includes(`${named} `)
      ? named
      : node.page
  }
}

/** The first number of a list of free pages, in the last node of the list. */
function freeNumber(bytes: Buffer): { page: number; at: number; number: number } {
  const root = numberAt(newestOf(bytes), metaAt.free + recordAt.root)
  const [page = 0] = pagesOf(bytes, root).leaves
  const node = nodesOf(bytes, page).at(-1) ?? 0
  const isPaged = bytes.readUInt16LE(node + 4) === 1
  const list = isPaged ? numberAt(bytes, node + 16) * pageBytes + headBytes : node + 16
  return { page, at: list + 8, number: numberAt(bytes, list + 8) }
}

/** A field of the list itself: how many pages follow, and then the pages. */
function inFreeList(at: number, mask: number): Damage {
  return (bytes) => {
    const { page, at: first } = freeNumber(bytes)
    flip(bytes, first - 8 + at + 2, mask)
    return page
  }
}

function inFreeNode(at: number, mask: number): Damage {
  return (bytes) => {
    const { page } = freeNumber(bytes)
    flip(bytes, (nodesOf(bytes, page).at(-1) ?? 0) + at, mask)
    return page
  }
}

function freeLeaf(number: (bytes: Buffer, at: number) => number): Damage {
  return (bytes) => {
    const { page, at } = freeNumber(bytes)
    bytes.writeBigUInt64LE(BigInt(number(bytes, at)), at)
    return page
  }
}

/** Found where the tree names the page: the list of free pages is looked at first. */
function usedAsFree(bytes: Buffer): number {
  const page = pageOf(bytes, 'branch')
  const { at } = freeNumber(bytes)
  bytes.writeBigUInt64LE(BigInt(bytes.readUInt32LE(nodesOf(bytes, page)[1] ?? 0)), at)
  return page
}

function inRecord(name: 'entries' | 'meta', at: number): Damage {
  return (bytes) => {
    const root = rootOf(bytes, name)
    const record = recordOf(bytes, name)
    flip(bytes, record + at, 1)
    if (at === recordAt.flags) return mainRoot(bytes)
    return at === recordAt.root ? root ^ 1 : at === recordAt.depth ? depthFault(bytes, root) : root
  }
}

/** With one level less, the lowest branches are taken for leaves; with one more, the other way. */
function depthFault(bytes: Buffer, root: number): number {
  const depth = bytes.readUInt16LE(recordOf(bytes, 'entries') + recordAt.depth)
  let page = root
  for (let level = 1; level < depth; level += 1) {
    if (bytes.readUInt16LE(page * pageBytes + headAt.flags) === 2) return page
    page = bytes.readUInt32LE(nodesOf(bytes, page)[0] ?? 0)
  }
  return page
}

function inMain(name: string, at: number): Damage {
  return (bytes) => {
    const page = mainRoot(bytes)
    flip(bytes, bytes.indexOf(name, page * pageBytes) + at, 1)
    return page
  }
}

function inMetadata(bytes: Buffer): number {
  const page = rootOf(bytes, 'meta')
  flip(bytes, bytes.indexOf('state', page * pageBytes), 4)
  return page
}
