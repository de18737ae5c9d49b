import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { DataFolder } from '../src/installation/folder/data-folder.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { startTestServer } from './support/network/test-server.ts'
import { sharedPostgres } from './support/postgres/test-database.ts'
import { type Finished, runInProcess } from './support/processes/command.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

// Some servers are processes of their own.
vi.setConfig({ testTimeout: 120_000 })

/** Runs a server that must refuse to start. */
function refused(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const args = ['serve', '--port', '0', '--nemesis-port', 'off', ...words]
  return runInProcess({ args, env })
}

describe('--must-exist', () => {
  it.each([
    { way: 'a flag', words: ['--must-exist'], env: {} },
    { way: 'a variable', words: [], env: { COATCHECK_MUST_EXIST: 'on' } },
  ])('as $way refuses a mistyped folder, and makes nothing', async ({ words, env }) => {
    const data = join(createTestFolder(), 'mistyped')
    const { code, stdout, stderr } = await refused(['--data', data, ...words], env)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`There is no installation in ${data}`)
    expect(existsSync(data)).toBe(false)
  })

  it('refuses the empty folder of a disk that is not mounted', async () => {
    const data = createTestFolder()
    expect((await refused(['--data', data, '--must-exist'])).code).toBe(1)
    expect(readdirSync(data)).toEqual([])
  })

  it('refuses a folder whose first start did not get far', async () => {
    const data = createTestFolder()
    mkdirSync(join(data, 'lmdb'))
    expect((await refused(['--data', data, '--must-exist'])).code).toBe(1)
    expect(readdirSync(data)).toEqual(['lmdb'])
  })

  it('refuses an empty database, and makes no tables', async () => {
    const url = await sharedPostgres.createDatabase()
    const data = join(createTestFolder(), 'new')
    const words = ['--data', data, '--must-exist']
    const { code, stderr } = await refused(words, { COATCHECK_ENGINE: url })
    expect(code).toBe(1)
    expect(stderr).toContain('There is no installation in the database')
    expect(existsSync(data)).toBe(false)
    const tables = "select count(*)::int as count from pg_tables where schemaname = 'public'"
    expect(await sharedPostgres.query(tables, url)).toEqual([{ count: 0 }])
  })

  it('refuses the memory engine, which never has an installation', async () => {
    expect((await refused(['--engine', 'memory', '--must-exist'])).code).toBe(1)
  })

  it.each(['folder', 'database'])('starts where an installation is, in a %s', async (kind) => {
    const data = createTestFolder()
    const env =
      kind === 'database' ? { COATCHECK_ENGINE: await sharedPostgres.createDatabase() } : {}
    const first = await startOwnServer({ data, env })
    await first.stop()
    const second = await ServerProcess.start({ data, env, args: ['--must-exist'] })
    expect(second.stdout).toBe(`Coatcheck is listening on ${second.url}\n`)
    expect(second.problems).toEqual([])
  })

  it('waits for a command that has the folder open, as every start does', async () => {
    const settings = { engine: 'lmdb', data: createTestFolder() } as const
    await (await startTestServer(settings)).close()
    const folder = await DataFolder.open(settings.data)
    const starting = startTestServer({ ...settings, mustExist: true })
    await sleep(100)
    folder.close()
    await (await starting).close()
  })

  it('takes no other value', async () => {
    const { code, stderr } = await refused([], { COATCHECK_MUST_EXIST: 'maybe' })
    expect(code).toBe(2)
    expect(stderr).toContain('COATCHECK_MUST_EXIST is "maybe", which is neither on nor off.')
  })
})

it('the log says loudly that a new installation was made, and never again', async () => {
  const data = join(createTestFolder(), 'new')
  const first = await startOwnServer({ data })
  expect(first.stderr).toContain(`A NEW INSTALLATION was made in ${data}`)
  await first.stop()
  const second = await startOwnServer({ data })
  expect(second.problems).toEqual([])
})
