import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { runInProcess } from './support/processes/command.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

/** Where the first half of the journal begins. */
const firstBlockAt = 4_096

const killed = new Map<string, Promise<string>>()
const killedFolders = mkdtempSync(join(tmpdir(), 'coatcheck-killed-'))
afterAll(() => rmSync(killedFolders, { recursive: true }))

/**
 * A folder whose server was killed: the newest record is in the journal alone. It is a copy of the
 * one of this name, which is made once for all tests.
 */
async function killedFolder(name = 'usual'): Promise<string> {
  const source = killed.get(name) ?? killServer(join(killedFolders, name))
  killed.set(name, source)
  const data = createTestFolder()
  cpSync(await source, data, { recursive: true })
  return data
}

async function killServer(data: string): Promise<string> {
  const server = await ServerProcess.start({ data })
  const client = new Client(server)
  const store = await client.openStore('store')
  await store.put('K', 'acknowledged')
  client.close()
  await server.kill()
  return data
}

describe('a data folder whose journal is missing after a kill', () => {
  it('is refused by serve and check, which name the way on; repair makes it open', async () => {
    const data = await killedFolder()
    const journal = join(data, 'lmdb', 'journal')
    rmSync(journal)
    const serving = await runInProcess({ args: ['serve', '--data', data, '--port', '0'] })
    expect(serving.code).toBe(1)
    const refused = `coatcheck: The journal ${journal} is missing: it may hold the newest commits. `
    expect(serving.stderr).toContain(refused)
    const checked = await runInProcess({ args: ['check', '--data', data] })
    expect(checked).toMatchObject({ code: 1, stdout: '' })
    expect(checked.stderr).toContain(refused)
    expect(existsSync(journal)).toBe(false)
    const { code, stdout, stderr } = await runInProcess({ args: ['repair', '--data', data] })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(`The journal ${journal} is missing: it may hold the newest commits.\n`)
    const sound = await runInProcess({ args: ['check', '--data', data] })
    expect(sound).toMatchObject({ code: 0 })
    const server = await startOwnServer({ data })
    await new Client({
      url: server.url,
      token: readFileSync(join(data, 'first-token'), 'utf8').trim(),
    }).openStore('store')
    await server.stop()
  })
})

describe('a data folder with the journal of another one', () => {
  it('is refused, and repair keeps that file under another name', async () => {
    const [data, other] = [await killedFolder(), await killedFolder('another')]
    const journal = join(data, 'lmdb', 'journal')
    copyFileSync(join(other, 'lmdb', 'journal'), journal)
    const checked = await runInProcess({ args: ['check', '--data', data] })
    expect(checked.stderr).toContain('belongs to other data, or to an earlier state of this')
    const foreign = readFileSync(journal)
    const { code, stdout } = await runInProcess({ args: ['repair', '--data', data] })
    expect(code).toBe(0)
    const kept = `${journal}.before-repair-1`
    expect(stdout).toContain(`The journal as it was is in ${kept}.\n`)
    expect(readFileSync(kept).equals(foreign)).toBe(true)
    const again = await runInProcess({ args: ['repair', '--data', data] })
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toMatch(/^Nothing was wrong with the journal\.\n/)
    expect(readdirSync(join(data, 'lmdb')).sort()).toEqual([
      'data.mdb',
      'journal',
      'journal.before-repair-1',
      'lock.mdb',
    ])
  })
})

describe('a journal that ends with a damaged block', () => {
  it('is reported by check, by the log of the next start, and by check for ever after', async () => {
    const data = await killedFolder()
    const journal = join(data, 'lmdb', 'journal')
    const bytes = readFileSync(journal)
    const end = bytes.indexOf(Buffer.from('acknowledged'))
    expect(end).toBeGreaterThan(firstBlockAt)
    bytes[end] = (bytes[end] ?? 0) ^ 1
    writeFileSync(journal, bytes)
    const told =
      /^The journal \S+ ended with a block of \d+ bytes behind revision \d+, which was not whole\./m
    const before = await runInProcess({ args: ['check', '--data', data] })
    expect(before.stdout).toMatch(told)
    const server = await startOwnServer({ data })
    expect(server.stderr).toMatch(/ended with a block of \d+ bytes behind revision/)
    await server.stop()
    const after = await runInProcess({ args: ['check', '--data', data] })
    expect(after).toMatchObject({ code: 0 })
    expect(after.stdout).toMatch(told)
  })
})

it('the log says what a start took up after a kill', async () => {
  const data = await killedFolder()
  const server = await startOwnServer({ data })
  expect(server.stderr).toMatch(/ The journal held the commits after revision \d+ up to \d+\.\n/)
  await server.stop()
  const again = await startOwnServer({ data })
  expect(again.stderr).not.toContain('The journal held')
  await again.stop()
})

it('repair tells how to use it, and needs a data folder', async () => {
  const { code, stdout } = await runInProcess({ args: ['repair', '--help'] })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^Usage: coatcheck repair \[--data DIR\]\n/)
  const absent = join(createTestFolder(), 'absent')
  const nothing = await runInProcess({ args: ['repair', '--data', absent] })
  expect(nothing).toMatchObject({ code: 1, stdout: '' })
  expect(existsSync(absent)).toBe(false)
})
