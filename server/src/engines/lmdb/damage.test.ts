import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../../core/engine/engine.ts'
import { LmdbEngine } from './lmdb.ts'

const pageBytes = 8_192
const keys = Array.from({ length: 300 }, (_, index) => `key-${String(index).padStart(3, '0')}`)
const valueOfKey = (key: string): Buffer => Buffer.alloc(key.endsWith('7') ? 9_000 : 300, key)

describe('an LMDB file that lost a page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-damage-'))
  const sound = join(folder, 'sound')
  let pages = 0

  beforeAll(async () => {
    cpSync(mkdtempSync(join(folder, 'empty-')), sound, { recursive: true })
    const engine = new LmdbEngine(sound)
    for (const key of keys) {
      await engine.commit({ puts: [{ key: Buffer.from(key), value: valueOfKey(key) }] })
    }
    await engine.close()
    // Without the room ahead, which holds nothing.
    const file = join(sound, 'data.mdb')
    const used = readFileSync(file).findLastIndex((byte) => byte !== 0)
    pages = Math.ceil((used + 1) / pageBytes)
    truncateSync(file, pages * pageBytes)
  })

  afterAll(() => rmSync(folder, { recursive: true }))

  it('never returns wrong bytes, and fails only with an EngineError', async () => {
    const outcomes = { intact: 0, damaged: 0, refused: 0 }
    for (let page = 2; page < pages; page += 1) {
      for (const outcome of await readAll(withoutPage(page))) outcomes[outcome] += 1
    }
    expect(outcomes.intact).toBeGreaterThan(0)
    expect(outcomes.damaged).toBeGreaterThan(0)
    expect(outcomes.refused).toBeGreaterThan(0)
  }, 90_000)

  /** A copy of the folder whose page number `page` is empty. */
  function withoutPage(page: number): string {
    const copy = join(folder, 'copy')
    rmSync(copy, { recursive: true, force: true })
    cpSync(sound, copy, { recursive: true })
    const file = openSync(join(copy, 'data.mdb'), 'r+')
    writeSync(file, Buffer.alloc(pageBytes), 0, pageBytes, page * pageBytes)
    closeSync(file)
    return copy
  }
})

async function readAll(path: string): Promise<('intact' | 'damaged' | 'refused')[]> {
  const engine = open(path)
  if (!engine) return ['refused']
  const outcomes: ('intact' | 'damaged' | 'refused')[] = []
  for (const key of keys) {
    try {
      const [entry] = await engine.get([Buffer.from(key)])
      if (entry && !entry.isDamaged) expect(entry.value).toEqual(valueOfKey(key))
      outcomes.push(entry?.isDamaged ? 'damaged' : 'intact')
    } catch (error) {
      expect(error).toBeInstanceOf(EngineError)
      expect(error).toMatchObject({ failure: 'damaged', applied: 'no' })
      outcomes.push('refused')
    }
  }
  await engine.close()
  return outcomes
}

/** Undefined if the engine refuses the whole file. */
function open(path: string): LmdbEngine | undefined {
  try {
    return new LmdbEngine(path)
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError)
    return undefined
  }
}
