import { expect, it } from 'vitest'
import { DumpError, type DumpWriter } from '../dumps/dumps.ts'
import { abandoning } from './dump-commands.ts'

it('a failed save tells its first failure, even if the dump can not be marked as failed', async () => {
  const writer: DumpWriter = {
    begin: async () => undefined,
    add: async () => undefined,
    finish: async () => undefined,
    abandon: () => Promise.reject(new DumpError('The second failure.')),
  }
  const failing = abandoning(writer, () => Promise.reject(new DumpError('The first failure.')))
  await expect(failing).rejects.toThrow('The first failure.')
})
