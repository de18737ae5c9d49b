import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { auditCommand } from '../src/cli/commands/audit.ts'
import { statusCommand } from '../src/cli/commands/status.ts'
import { storeCommands } from '../src/cli/commands/store.ts'
import { tokenCommands } from '../src/cli/commands/token.ts'
import { userCommands } from '../src/cli/commands/user.ts'
import { type DataCommands, openPlace, type Place, places } from './support/data/data-commands.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { runCoatcheck, runInProcess } from './support/processes/command.ts'
import { TerminalCommand } from './support/processes/terminal.ts'

// Some commands are processes of their own.
vi.setConfig({ testTimeout: 120_000 })

const others = { audit: auditCommand, status: statusCommand }
const commands = [userCommands, tokenCommands, storeCommands, others].flatMap((table) =>
  Object.values(table),
)

/** Wrong command lines, and the message of each. */
const wrong: Readonly<Record<string, RegExp>> = {
  user: /Missing subcommand/,
  'user frob': /Unknown subcommand "frob"/,
  'user constructor': /Unknown subcommand "constructor"/,
  'user lsit': /Unknown subcommand "lsit"\. Did you mean "list"\?/,
  'store list --usr jane': /Unknown option '--usr'\. Did you mean --user\?/,
  'user list more': /Unexpected argument "more"/,
  'user list --bogus': /--bogus/,
  'user list --json=1': /--json/,
  'user list --data': /--data/,
  'user add': /argument is missing/,
  'user add a b': /Unexpected argument "b"/,
  'user add --admin': /argument is missing/,
  'user admin jane': /argument is missing/,
  'user admin jane maybe': /"maybe" is neither on nor off/,
  'token revoke': /argument is missing/,
  'token create word': /Unexpected argument "word"/,
  'token create --action delete': /--action is "delete"/,
  'token create --expires soon': /--expires is "soon"/,
  'token create --expires 0d': /--expires is "0d"/,
  'token create --expires 30': /--expires is "30"/,
  'token create --expires -1d': /--expires is "-1d"/,
  'token create --expires 2027-02-31': /--expires is "2027-02-31"/,
  'token create --expires 2027-13-01': /--expires is "2027-13-01"/,
  'token create --expires 2027-01-31T25:00Z': /--expires is "2027-01-31T25:00Z"/,
  'store list a b': /Unexpected argument "b"/,
  'store show': /argument is missing/,
  'store rename photos': /a name or --unname/,
  'store rename photos new --unname': /a name or --unname/,
  'store share photos jane': /argument is missing/,
  'store share photos jane own': /Unknown permission "own"\. Use one of: read, write, manage, none/,
  'store access photos': /argument is missing/,
  'store access photos open':
    /Unknown access level "open"\. Use one of: restricted, id, name, follow/,
  'store access photos constructor': /Unknown access level "constructor"/,
  'store delete': /argument is missing/,
  'store delete-keys photos --yes': /keys or --prefix/,
  'store delete-keys photos KEY --prefix P --yes': /keys or --prefix/,
  'store history photos --limit 0': /--limit is "0"/,
  'store history photos --limit 1001': /--limit is "1001"/,
  'audit --limit x': /--limit is "x"/,
  'audit --limit 1.5': /--limit is "1.5"/,
  'audit --before -1': /--before is "-1"/,
  'audit --limit -5': /--limit is "-5", but must be a number from 1 to 1000/,
  'token create --name --store x': /Option --name needs a value/,
  'audit list': /Unexpected argument "list"/,
  'status now': /Unexpected argument "now"/,
}

describe('a wrong command line', () => {
  it.each(Object.entries(wrong))('%s is refused, and the usage is shown', async (words, says) => {
    // The folder does not exist: the command must fail before it looks.
    const env = { COATCHECK_DATA: join(createTestFolder(), 'absent') }
    const { code, stdout, stderr } = await runInProcess({ args: words.split(' '), env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const [sentence = '', first = '', ...more] = stderr.split('\n')
    expect(sentence).toMatch(/^coatcheck: .+[.?]$/)
    expect(sentence).toMatch(says)
    const noun = words.split(' ', 1)[0]
    expect(first).toMatch(new RegExp(`^Usage: coatcheck ${noun}\\b`))
    expect(more.at(-1)).toBe('')
    expect(stderr).not.toContain(' at ')
  })

  it('with an empty word is refused', async () => {
    const { code, stderr } = await runInProcess({ args: ['user', 'add', ''] })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'coatcheck: An argument is empty.\nUsage: coatcheck user add NAME [--admin]\n',
    })
  })

  it('is also one with a wrong setting that the command does not use', async () => {
    const env = { COATCHECK_PORT: 'x' }
    const { code, stderr } = await runInProcess({ args: ['user', 'list'], env })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^coatcheck: COATCHECK_PORT is "x"[^\n]+\.\n$/)
  })
})

describe('a command that does not exist', () => {
  it.each([
    ['statsu', 'Unknown command "statsu". Did you mean "status"? Try: coatcheck --help'],
    ['frobnicate', 'Unknown command "frobnicate". Try: coatcheck --help'],
  ])('%s is refused, with the one that was meant', async (name, sentence) => {
    const { code, stderr } = await runInProcess({ args: [name] })
    expect({ code, stderr }).toEqual({ code: 2, stderr: `coatcheck: ${sentence}\n` })
  })
})

describe('the usual short forms', () => {
  const out = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runInProcess({ args })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }

  it('-v and version print the version', async () => {
    const version = await out('--version')
    expect([await out('-v'), await out('version')]).toEqual([version, version])
  })

  it('-h and help print the help, also of a command', async () => {
    expect(await out('-h')).toBe(await out('--help'))
    expect(await out('serve', '-h')).toBe(await out('--help'))
    expect(await out('copy', '-h')).toBe(await out('copy', '--help'))
    expect(await out('user', '-h')).toBe(await out('user', '--help'))
    expect(await out('help', 'user')).toBe(await out('user', '--help'))
    expect(await out('store', 'show', '-h')).toBe(await out('store', '--help'))
  })
})

it('a mistyped variable is told on stderr, and the command runs all the same', async () => {
  const { commands } = await openPlace('a folder that nobody serves')
  const env = { COATCHECK_DATA: commands.data, COATCHECK_ENGIN: 'lmdb' }
  const { code, stderr } = await runInProcess({ args: ['user', 'list'], env })
  const sentence = 'COATCHECK_ENGIN is not a setting and is ignored. Did you mean COATCHECK_ENGINE?'
  expect({ code, stderr }).toEqual({ code: 0, stderr: `${sentence}\n` })
})

describe('help', () => {
  it('lists all commands', async () => {
    const { code, stdout, stderr } = await runInProcess({ args: ['--help'] })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const name of ['serve', 'check', 'copy', 'status', 'user', 'token', 'store', 'audit']) {
      expect(stdout).toMatch(new RegExp(`^(Usage:|      ) coatcheck ${name} `, 'm'))
    }
  })

  it.each(['user', 'token', 'store', 'audit', 'status', 'user add', 'store delete x'])(
    'explains %s',
    async (words) => {
      const args = [...words.split(' '), '--help']
      const { code, stdout, stderr } = await runInProcess({ args })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const noun = args[0]
      for (const { usage } of commands.filter((command) => command.usage.startsWith(`${noun} `))) {
        expect(stdout).toContain(`coatcheck ${usage}\n`)
      }
      expect(stdout).toContain('--data DIR')
      expect(stdout).toContain('--json')
    },
  )

  it('is in docs/cli.md, with every command and every flag', () => {
    const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
    const examples = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
      .map(([, text]) => text)
      .join('')
    for (const { usage, flags = {} } of commands) {
      const name = /^[a-z -]+?(?= [A-Z[]|$)/.exec(usage)?.[0] ?? usage
      expect(examples).toMatch(new RegExp(`^coatcheck ${name}( |$)`, 'm'))
      for (const flag of Object.keys(flags)) expect(page, usage).toContain(`--${flag}`)
    }
  })
})

/** Each command once; those that only read act alike with and without a server. */
const asProcesses: Readonly<Record<Place, readonly string[]>> = {
  'a running server': ['user list', 'project show game'],
  'a folder that nobody serves': ['token list', 'store list', 'audit'],
}

describe.each(places)('a command that runs as a process of its own, with %s', (place) => {
  it('prints and ends as in the process of a test', async () => {
    const { commands: opened } = await openPlace(place)
    const env = { COATCHECK_DATA: opened.data }
    await opened.out('project', 'create', 'game')
    for (const words of asProcesses[place]) {
      const command = { args: [...words.split(' '), '--json'], env }
      const { code, stdout, stderr } = await runCoatcheck(command)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(withoutTimes(stdout)).toBe(withoutTimes((await runInProcess(command)).stdout))
      expect(stdout.length).toBeGreaterThan(10)
    }
    const wrong = { args: ['store', 'show', 'nowhere'], env }
    const refused = await runCoatcheck(wrong)
    expect(refused.code).toBe(1)
    expect(refused).toEqual(await runInProcess(wrong))
  })
})

/** A command itself may be the last use of a token or a store. */
function withoutTimes(json: string): string {
  return json.replace(/"(lastUsedAt|accessedAt|modifiedAt)": *("[^"]*"|null)/g, '"$1"')
}

describe('the folder', () => {
  it('comes from the flag, then the environment, then the file', async () => {
    const [flag, variable, file] = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => {
        const { commands: opened } = await openPlace('a folder that nobody serves')
        await opened.out('user', 'add', name)
        return opened.data
      }),
    )
    const config = join(createTestFolder(), 'config.json')
    writeFileSync(config, JSON.stringify({ data: file }))
    const lastUser = async (args: readonly string[], env: Record<string, string>) => {
      const { stdout } = await runInProcess({ args: ['user', 'list', ...args], env })
      return stdout.split('\n').at(-2)?.split('\t')[0]
    }
    const inVariable = { COATCHECK_DATA: variable ?? '', COATCHECK_CONFIG: config }
    expect(await lastUser(['--data', flag ?? ''], inVariable)).toBe('one')
    expect(await lastUser([], inVariable)).toBe('two')
    expect(await lastUser([], { COATCHECK_CONFIG: config })).toBe('three')
    expect(await lastUser(['--config', config], {})).toBe('three')
  })
})

describe('on a terminal', () => {
  it('a table has a header, aligned columns and readable sizes and times', async () => {
    const opened = await openTokens(['plain', '漢字'])
    const terminal = new TerminalCommand(['token', 'list', '--data', opened.data])
    expect(await terminal.exit()).toBe(0)
    const [header = '', ...lines] = terminal.text.trimEnd().split('\n')
    expect(header).toMatch(/^ID +NAME +MAY +STORE +PREFIX +EXPIRES +LAST USED +CREATED$/)
    expect(lines.map((line) => line.split(/ {2,}/)[1])).toEqual(['first token', 'plain', '漢字'])
    const at = header.indexOf('MAY')
    expect(lines[1]?.indexOf('manage')).toBe(at)
    // The name has two characters that take two columns each.
    expect(lines[2]?.indexOf('manage')).toBe(at - 2)
    for (const line of lines) expect(line).toMatch(/ \d{4}-\d\d-\d\d \d\d:\d\d$/)
  })

  it('a table is cut to its width', async () => {
    const opened = await openTokens(['漢字'.repeat(20)])
    const words = ['token', 'list', '--data', opened.data]
    const terminal = new TerminalCommand(words, { columns: 40 })
    expect(await terminal.exit()).toBe(0)
    const lines = terminal.text.trimEnd().split('\n')
    expect(lines.map((line) => line.endsWith('…'))).toEqual([true, true, true])
    expect(lines[0]).toHaveLength(40)
    // 18 characters of one column, 10 of two columns, and the `…`: 39 columns.
    expect(lines[2]).toMatch(/^[0-9a-f]{16} {2}[漢字]{10}…$/)
  })

  it('control characters in names are shown escaped', async () => {
    const opened = await openTokens(['\u001b[31mred\u0007\u009b31m\u202e'])
    const shown = '\\u001b[31mred\\u0007\\u009b31m\\u202e'
    for (const words of [['token', 'list'], ['token', 'list', '--json'], ['audit']]) {
      const terminal = new TerminalCommand([...words, '--data', opened.data])
      expect(await terminal.exit()).toBe(0)
      expect(terminal.text).toContain(shown)
      expect(terminal.text).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
    }
    const lines = await opened.rows('token', 'list')
    expect(lines[1]?.[1]).toBe(shown)
  })

  it.each([
    ['its name', 'photos'],
    ['its name and owner', 'owner~photos'],
  ])('a store is deleted once %s is typed', async (_, answer) => {
    const opened = await openStore()
    const terminal = new TerminalCommand(['store', 'delete', 'photos', '--data', opened.data])
    await terminal.shows('Type the id or name to confirm: ')
    // No process holds the folder while the command waits for an answer.
    expect(await opened.rows('store', 'list')).toHaveLength(1)
    terminal.type(`${answer}\n`)
    expect(await terminal.exit()).toBe(0)
    expect(terminal.text).toContain('The store owner~photos was deleted.')
    expect(await opened.rows('store', 'list')).toEqual([])
  })

  it('a store is kept if anything else is typed, or the input ends', async () => {
    const opened = await openStore()
    for (const answer of ['photo\n', '\n', 'yes\n', '\u0004', '\u0003']) {
      const terminal = new TerminalCommand(['store', 'clear', 'photos', '--data', opened.data])
      await terminal.shows('Type the id or name to confirm: ')
      terminal.type(answer)
      expect(await terminal.exit(), answer).toBe(1)
      expect(terminal.text).toContain('coatcheck: Nothing was done.')
      expect(await opened.rows('store', 'list')).toHaveLength(1)
    }
  })

  it('a store is deleted with --yes without a question', async () => {
    const opened = await openStore()
    const words = ['store', 'delete', 'photos', '--yes', '--data', opened.data]
    const terminal = new TerminalCommand(words)
    expect(await terminal.exit()).toBe(0)
    expect(terminal.text).toBe('The store owner~photos was deleted.\n')
  })
})

it('a reader that closes the pipe early causes no error', async () => {
  const opened = await openTokens(Array.from({ length: 3 }, (_, at) => `token ${at}`))
  // The shell's `true` reads nothing and has ended before the command writes.
  const under = ['bash', '-c', 'set -o pipefail; "$@" | true', '-']
  const args = ['token', 'list', '--data', opened.data]
  expect(await runCoatcheck({ args, under })).toEqual({ code: 0, stdout: '', stderr: '' })
})

async function openTokens(names: readonly string[]): Promise<DataCommands> {
  const { commands: opened } = await openPlace('a folder that nobody serves')
  for (const name of names) await opened.out('token', 'create', '--name', name)
  return opened
}

/** Commands for a folder with the store `photos` of the first user, made by a server. */
async function openStore(): Promise<DataCommands> {
  const { commands: opened, server } = await openPlace('a running server')
  const headers = { Authorization: `Bearer ${server.token}` }
  const path = '/v2/key-value-stores?name=photos'
  await fetch(server.url + path, { method: 'POST', headers })
  await server.stop()
  return opened
}
