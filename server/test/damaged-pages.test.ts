import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { runInProcess } from './support/processes/command.ts'
import { ServerProcess } from './support/processes/server-process.ts'

const pageBytes = 8_192
/** Where a page says how long its list of nodes is. */
const lowerAt = 20

it('a damaged page of the data file is refused by serve, and check lists it', async () => {
  const data = createTestFolder()
  const server = await ServerProcess.start({ data })
  const client = new Client(server)
  const store = await client.openStore('store')
  await store.put('K', 'a value that makes its page easy to find')
  client.close()
  await server.stop()
  const file = join(data, 'lmdb', 'data.mdb')
  const pages = damage(file, 'a value that makes its page easy to find')
  const before = readFileSync(file)
  const serving = ServerProcess.spawn({ data })
  expect(await serving.exit()).toBe(1)
  expect(serving.stderr).toContain(`coatcheck: The data file ${file} is damaged: page `)
  expect(serving.stderr).toContain('Bring back a backup.')
  const { code, stdout } = await runInProcess({ args: ['check', '--data', data] })
  expect(code).toBe(1)
  const [, page] = /^The data file \S+: page (\d+) \(the entries\) /m.exec(stdout) ?? []
  expect(pages).toContain(Number(page))
  expect(stdout).toContain('The data was not opened, so nothing else was checked.')
  expect(stdout).toContain('1 problems')
  expect(readFileSync(file).equals(before)).toBe(true)
})

/** Damages every page that has a text: LMDB keeps copies that are in use no more. */
function damage(file: string, text: string): number[] {
  const bytes = readFileSync(file)
  const pages: number[] = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    pages.push(Math.floor(at / pageBytes))
  }
  for (const page of new Set(pages)) {
    const at = page * pageBytes + lowerAt
    bytes.writeUInt8(bytes.readUInt8(at) ^ 2, at)
  }
  writeFileSync(file, bytes)
  return pages
}
