import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openEngine } from '../../../src/engines/open.ts'

/** The path of the data file in a data folder. */
export function dataFileOf(data: string): string {
  return join(data, 'lmdb', 'data.mdb')
}

/** Flips a byte wherever `stored` is found, as a failing disk would. Returns how often. */
export function flipByteIn(data: string, stored: Buffer): number {
  const path = dataFileOf(data)
  const bytes = readFileSync(path)
  const file = openSync(path, 'r+')
  let count = 0
  for (let at = bytes.indexOf(stored); at >= 0; at = bytes.indexOf(stored, at + 1)) {
    writeSync(file, Buffer.from([(bytes[at] ?? 0) ^ 0x10]), 0, 1, at)
    count += 1
  }
  closeSync(file)
  return count
}

/** Cuts the data file to its first `bytesKept` bytes. */
export function cutShort(data: string, bytesKept: number): void {
  const path = dataFileOf(data)
  writeFileSync(path, readFileSync(path).subarray(0, bytesKept))
}

/** Stores another version of the format in the folder. */
export async function setFormat(data: string, version: number): Promise<void> {
  const engine = await openEngine({ name: 'lmdb', folder: join(data, 'lmdb') })
  const value = Buffer.from(JSON.stringify({ version, createdAt: 0 }))
  await engine.commit({ puts: [{ key: Buffer.from('f'), value }] })
  await engine.close()
}
