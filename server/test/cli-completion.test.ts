import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { type DataCommands, openPlace } from './support/data/data-commands.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { coatcheckWords } from './support/processes/command.ts'
import { TerminalCommand } from './support/processes/terminal.ts'

// Each completion is a process of its own.
vi.setConfig({ testTimeout: 120_000 })

/** Lines that are typed, and what is offered for their last word. */
const offers: Readonly<Record<string, readonly string[]>> = {
  'coatcheck pu': ['put'],
  'coatcheck store re': ['rename', 'reset-links'],
  'coatcheck get ph': ['photos'],
  'coatcheck get owner~': ['owner~photos', 'owner~both'],
  'coatcheck ls --json ': ['photos', 'owner~photos', 'owner~both', 'jane~both'],
  'coatcheck ls --': '--data --engine --config --json --url --token --help'.split(' '),
  'coatcheck put photos k --if': ['--if-revision', '--if-absent'],
  'coatcheck put photos k --type te': [],
  'coatcheck store share photos jane ma': ['manage'],
  'coatcheck serve --nemesis-p': ['--nemesis-port'],
  'coatcheck copy --sk': ['--skip-damaged'],
  'coatcheck completion ': ['bash', 'zsh', 'fish'],
  'coatcheck get --data /absent ph': [],
  'coatcheck get --url http://127.0.0.1:1 --token x ph': [],
  'coatcheck nothing ': [],
}

const run = promisify(execFile)

describe('coatcheck completion', () => {
  it('offers commands, options and stores', async () => {
    const { commands } = await openStores()
    for (const [line, offered] of Object.entries(offers)) {
      const words = line.split(' ').slice(1)
      const { code, stdout, stderr } = await commands.run('completion', 'words', '--', ...words)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect([line, ...stdout.split('\n').slice(0, -1).toSorted()]).toEqual([
        line,
        ...offered.toSorted(),
      ])
    }
    expect((await commands.run('completion', 'sh')).code).toBe(2)
  })

  it('is a script that bash runs, and prints nothing else', async () => {
    const { env } = await openStores()
    const script = `
      source <(coatcheck completion bash)
      for line in "$@"; do
        COMP_LINE=$line COMP_POINT=\${#line} COMP_WORDS=(coatcheck)
        _coatcheck
        echo "\${COMPREPLY[*]}"
      done`
    const lines = ['coatcheck get pho', 'coatcheck put photos k --if-a', 'coatcheck nothing ']
    const { stdout, stderr } = await run('bash', ['--norc', '-c', script, '-', ...lines], { env })
    expect({ stdout, stderr }).toEqual({ stdout: 'photos\n--if-absent\n\n', stderr: '' })
  })

  it('is a script that zsh runs', async ({ skip }) => {
    skip(isMissing('zsh'), 'zsh is not installed')
    const { env } = await openStores()
    const zsh = new TerminalCommand(['-f', '-i'], { program: ['zsh'], env })
    zsh.type('PROMPT=; autoload -U compinit; compinit -u -D; source <(coatcheck completion zsh)\n')
    // Typed once the shell reads keys by itself: the answer differs from what is typed.
    zsh.type('echo be""gun\n')
    await zsh.shows('begun')
    for (const [typed, completed] of [
      ['coatcheck get pho\t', 'coatcheck get photos'],
      ['coatcheck put photos k --if-a\t', 'coatcheck put photos k --if-absent'],
    ] as const) {
      zsh.type(typed)
      await zsh.shows(completed)
      zsh.type('\u0015') // removes the line
    }
    zsh.type('exit\n')
    await zsh.exit()
  })

  it('is a script that fish runs', async ({ skip }) => {
    skip(isMissing('fish'), 'fish is not installed')
    const { env } = await openStores()
    const lines = ['coatcheck get pho', 'coatcheck put photos k --if-a']
    const asked = lines.map((line) => `complete -C "${line}"`).join('; ')
    const script = `coatcheck completion fish | source; ${asked}`
    const { stdout } = await run('fish', ['--no-config', '-c', script], { env })
    expect(stdout.trim().split('\n')).toEqual(['photos', '--if-absent'])
  })
})

function isMissing(shell: string): boolean {
  return spawnSync('which', [shell]).status !== 0
}

/** An environment with `coatcheck` on its path, and stores of two users behind it. */
async function openStores(): Promise<{ commands: DataCommands; env: Record<string, string> }> {
  const { commands, server } = await openPlace('a running server')
  const token = (await commands.out('user', 'add', 'jane')).trim()
  for (const [name, owner] of [
    ['photos', server.token],
    ['both', server.token],
    ['both', token],
  ] as const) {
    const client = new Client({ url: server.url, token: owner })
    await client.openStore(name)
    client.close()
  }
  const folder = createTestFolder()
  const words = coatcheckWords([]).map((word) => `'${word}'`)
  writeFileSync(join(folder, 'coatcheck'), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`)
  chmodSync(join(folder, 'coatcheck'), 0o755)
  const { PATH } = process.env
  const env = { PATH: `${folder}:${PATH}`, HOME: folder, COATCHECK_DATA: commands.data }
  return { commands, env }
}
