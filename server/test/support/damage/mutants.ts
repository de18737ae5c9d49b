import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { serverFolder } from '../disk/sources.ts'

/** One mistake in the engine that tests of crashes must notice. */
export interface Mutant {
  readonly name: string
  /** Below `server/src`. */
  readonly file: string
  /** What is replaced: exactly once in the file. */
  readonly from: string
  readonly to: string
  /** Whether it shows in a new folder alone. */
  readonly isOfFirstStart?: boolean
}

const lmdb = 'engines/lmdb'

export const mutants: readonly Mutant[] = [
  {
    name: 'writes to the journal do not wait for the disk',
    file: `${lmdb}/journal/journal-file.ts`,
    from: 'this.#open(constants.O_DSYNC)',
    to: 'this.#open(0)',
  },
  {
    name: 'the seal of the journal is not synced',
    file: `${lmdb}/journal/journal-file.ts`,
    from: `begin(seal: Buffer): void {
    this.#tried(() => {
      writeWhole(this.#file, encodeHead(seal), 0)
      fsyncSync(this.#file)`,
    to: `begin(seal: Buffer): void {
    this.#tried(() => {
      writeWhole(this.#file, encodeHead(seal), 0)`,
  },
  {
    name: 'the folder is not synced',
    file: `${lmdb}/journal/journal-file.ts`,
    from: 'fsyncSync(directory)',
    to: '',
    isOfFirstStart: true,
  },
  {
    name: 'LMDB acknowledges transactions before they are on disk',
    file: `${lmdb}/tables.ts`,
    from: 'overlappingSync: false,\n  safeRestore: true',
    to: 'overlappingSync: true,\n  safeRestore: false',
  },
  {
    name: 'the cache keeps entries that were overwritten',
    file: `${lmdb}/tables.ts`,
    from: 'this.#cache.delete(hashOf(key, { seed: this.#hashSeed }))',
    to: '{}',
  },
  {
    name: 'LMDB is not told which commits it holds',
    file: `${lmdb}/tables.ts`,
    from: 'meta.put(stateKey, encodeState(state))',
    to: '',
  },
]

/** Copies the sources of the server into an empty folder, with the mistake. Returns the folder. */
export function copyWith({ file, from, to }: Mutant, folder: string): string {
  cpSync(join(serverFolder, 'src'), join(folder, 'src'), { recursive: true })
  cpSync(join(serverFolder, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(dirname(serverFolder), 'node_modules'), join(folder, 'node_modules'))
  const path = join(folder, 'src', file)
  const parts = readFileSync(path, 'utf8').split(from)
  if (parts.length !== 2) throw new Error(`${file} has not exactly one "${from}".`)
  writeFileSync(path, parts.join(to))
  return folder
}
