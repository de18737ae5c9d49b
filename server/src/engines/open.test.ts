import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type EngineAddress, openEngine } from './open.ts'

it.each([
  ['memory', 'none'],
  ['lmdb', 'single'],
] as const)(
  'the engine %s reports its durability, and that it is closed',
  async (name, durability) => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-test-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const address: EngineAddress = name === 'lmdb' ? { name, folder } : { name }
    const engine = await openEngine(address)
    expect(await engine.health()).toMatchObject({ whyNot: undefined, durability, now: undefined })
    await engine.close()
    expect((await engine.health()).whyNot).toBe('The engine is closed.')
  },
)
