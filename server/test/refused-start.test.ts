import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  refusals,
  unusableData,
  unusableFolders,
  wrongUsage,
  wrongWords,
} from './support/data/start-cause.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { checkFolder, runCoatcheck, runInProcess } from './support/processes/command.ts'
import { startOwnServer } from './support/processes/own-server.ts'

const oneSentence = /^coatcheck: [^\n]+[.?]\n$/
const serveUsage = 'Usage: coatcheck serve [options]\nThe options: coatcheck serve --help\n'

describe('a server that cannot start says why in one sentence', () => {
  // The first cause of each kind ends a process of its own, as for a user.
  const causes = [wrongUsage, unusableFolders, unusableData, refusals].flatMap((kind) =>
    kind.map((cause, index) => ({ ...cause, run: index === 0 ? runCoatcheck : runInProcess })),
  )
  it.each(causes)('$cause', async ({ setUp, says, run, code = 1 }) => {
    const folder = createTestFolder()
    const { args = [], env = {}, data = folder } = await setUp(folder)
    const words = ['serve', '--data', data, '--port', '0', ...args]
    const alone = { COATCHECK_NEMESIS_PORT: 'off', ...env }
    const { stdout, stderr, ...end } = await run({ args: words, env: alone })
    expect(stderr).toMatch(oneSentence)
    expect(stderr).toMatch(says)
    expect({ stdout, code: end.code }).toEqual({ stdout: '', code })
  })

  it.each(wrongWords)('and how to write it: $cause', async ({ setUp, says }) => {
    const { args = [] } = await setUp(createTestFolder())
    const { code, stdout, stderr } = await runInProcess({ args: ['serve', ...args] })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.endsWith(serveUsage)).toBe(true)
    expect(stderr.slice(0, -serveUsage.length)).toMatch(oneSentence)
    expect(stderr).toMatch(says)
  })

  it.each(refusals)('and leaves no folder of a first start behind: $cause', async ({ setUp }) => {
    const folder = createTestFolder()
    const { args = [], env = {} } = await setUp(folder)
    const data = join(folder, 'new', 'data')
    const words = ['serve', '--data', data, '--port', '0', ...args]
    const { code } = await runInProcess({
      args: words,
      env: { COATCHECK_NEMESIS_PORT: 'off', ...env },
    })
    expect(code).toBe(1)
    expect(existsSync(join(folder, 'new'))).toBe(false)
    // A folder that was there stays, as it was.
    const { code: again } = await runInProcess({
      args: ['serve', '--data', folder, '--port', '0', ...args],
      env: { COATCHECK_NEMESIS_PORT: 'off', ...env },
    })
    expect(again).toBe(1)
    expect(readdirSync(folder)).toEqual([])
  })

  it('and keeps the data of an installation that it refuses to serve', async () => {
    const data = createTestFolder()
    const first = await startOwnServer({ data })
    await (await new Client(first).openStore('kept')).put('key', 'value')
    await first.stop()
    const before = readdirSync(data).sort()
    const words = ['serve', '--data', data, '--durability', 'replicated', '--port', '0']
    expect((await runInProcess({ args: words })).code).toBe(1)
    expect(readdirSync(data).sort()).toEqual(before)
    expect((await checkFolder(data)).stdout).toContain('1 records')
  })
})

it('a mistyped variable is told, with the setting that was meant', async () => {
  const env = { COATCHECK_PROT: '1', COATCHECK_SERVICE_HOST: '10.0.0.1', COATCHECK_PORT_1_TCP: 'x' }
  const server = await startOwnServer({ data: createTestFolder(), env })
  expect(server.problems).toEqual([
    expect.stringMatching(
      /^\S+ COATCHECK_PROT is not a setting and is ignored\. Did you mean COATCHECK_PORT\?$/,
    ),
  ])
})
