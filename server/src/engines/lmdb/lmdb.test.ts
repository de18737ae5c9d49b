import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeEngine } from '../conformance/conformance.ts'
import { LmdbEngine } from './lmdb.ts'

describeEngine('lmdb', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-lmdb-'))
  const engine = new LmdbEngine(folder)
  return {
    engine,
    reopen: async () => {
      await engine.close()
      return new LmdbEngine(folder)
    },
    cleanUp: () => rm(folder, { recursive: true }),
  }
})
