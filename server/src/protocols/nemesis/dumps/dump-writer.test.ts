import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { limits } from '../../../core/kernel/limits.ts'
import { TestEnvironment } from '../../../core/testing/test-environment.ts'
import { DumpFiles } from './dump-files.ts'
import { DumpError } from './dumps.ts'
import { makeFolder } from './folders.ts'

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

it('a dump file is not written that is longer in bytes than a load takes', async () => {
  const folder = await newFolder()
  const dumps = new DumpFiles(folder, new TestEnvironment())
  const writer = await dumps.create('large', { isWhole: true, userId: 'u' })
  await writer.begin({ token: 1n, isShared: false, duration: 0, deleteSession: false })
  // Three bytes in UTF-8, one UTF-16 unit.
  const value = JSON.stringify('€'.repeat(2 ** 22))
  const valueBytes = Buffer.byteLength(value)
  const fitting = Math.floor(limits.dumpReadFileBytesMax / valueBytes)
  for (let index = 0; index < fitting; index += 1) await writer.add(`${index}`, value)
  await expect(writer.add('last', value)).rejects.toThrow(DumpError)
  await writer.abandon()
  const [time = ''] = await readdir(join(folder, 'large'))
  const { size } = await stat(join(folder, 'large', time, 'data', '0', '0'))
  expect(size).toBeLessThanOrEqual(limits.dumpReadFileBytesMax)
})

it('a folder can be made by many at the same time', async () => {
  const folder = await newFolder()
  for (let round = 0; round < 20; round += 1) {
    const path = join(folder, `${round}`, 'a', 'b')
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(path)))
    expect((await stat(path)).isDirectory()).toBe(true)
  }
})
