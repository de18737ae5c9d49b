import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { pagePresets } from '../src/core/pages/project.ts'
import { type DataCommands, longSuitePlaces, openPlace } from './support/data/data-commands.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { checkFolder } from './support/processes/command.ts'

// Each place is a server, or a folder with its own data.
vi.setConfig({ testTimeout: 120_000 })

const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const channel = expect.stringMatching(/^[A-Za-z0-9_-]{22}$/)

async function factsOf(commands: DataCommands, ...words: readonly string[]): Promise<object> {
  return Object.fromEntries(await commands.rows(...words))
}

function fileWith(commands: DataCommands, text: string): string {
  const file = join(commands.data, 'pairs.json')
  writeFileSync(file, text)
  return file
}

describe.each(longSuitePlaces)('coatcheck project, with %s', (place) => {
  it('makes a project and shows what pages need, by its channel, store or name', async () => {
    const { commands } = await openPlace(place)
    const isOpen = place === 'a running server' ? 'yes' : 'no'
    const made = await factsOf(commands, 'project', 'create', 'My Game!')
    expect(made).toEqual({
      project: 'owner~my-game',
      channel,
      'page key': expect.stringMatching(/^ck_page_[A-Za-z0-9]{32}$/),
      store: expect.any(String),
      owner: 'owner',
      title: 'My Game!',
      pairs: '0',
      'open without page key': isOpen,
      'pages may delete': 'no',
      'pages may list': '-',
      seed: 'no',
      created: isoTime,
    })
    const { channelId, storeId } = await commands.json('project', 'show', 'my-game')
    expect(await factsOf(commands, 'store', 'show', 'my-game')).toMatchObject({
      channel: channelId,
    })
    for (const address of [channelId, storeId, 'owner~my-game']) {
      expect(await factsOf(commands, 'project', 'show', address)).toEqual(made)
    }
    expect(await commands.rows('project', 'list')).toEqual([
      [channelId, 'owner', 'my-game', '0', isOpen, '0', 'no', isoTime, 'My Game!'],
    ])
    expect(await commands.json('project', 'list', '--user', 'owner')).toMatchObject({ count: 1 })
  })

  it('turns a store into a project, and a project back into a store', async () => {
    const { commands } = await openPlace(place)
    const words = ['project', 'create', 'a', '--channel', 'known-1', '--open', 'off', '--json']
    expect(JSON.parse(await commands.out(...words))).toMatchObject({
      channelId: 'known-1',
      isOpen: false,
    })
    const file = fileWith(commands, '{"a":1}')
    await commands.out('project', 'import', 'known-1', file)
    const removed = await commands.out('project', 'remove', 'known-1', '--yes')
    expect(removed).toBe('The store owner~a is no longer a project; its records stay.\n')
    const { code, stderr } = await commands.run('project', 'show', 'a')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'coatcheck: The store owner~a is not a project.\n',
    })
    const linked = await commands.json('project', 'link', 'a')
    expect(linked).toMatchObject({ channelId: channel, pairCount: 1 })
    const deleted = await commands.out('project', 'remove', 'a', '--with-store', '--yes')
    expect(deleted).toBe('The store owner~a was deleted.\n')
    expect(await commands.rows('store', 'list')).toEqual([])
  })

  it('sets and shows what pages may do', async () => {
    const { commands } = await openPlace(place)
    await commands.out('project', 'create', 'a')
    const project = async (...words: string[]): Promise<Record<string, unknown>> =>
      commands.json('project', ...words)
    const settings = ['--open', 'on', '--delete', 'on', '--title', 'New title']
    expect(await project('update', 'a', ...settings)).toMatchObject({
      isOpen: true,
      mayDelete: true,
      title: 'New title',
    })
    await project('rule', 'a', 'only-raise', 'high score')
    await project('rule', 'a', 'read-only', '--prefix', 'config/')
    expect(await project('rule', 'a', 'write-once', 'high score')).toMatchObject({
      rules: [
        { prefix: 'config/', preset: 'read-only' },
        { key: 'high score', preset: 'write-once' },
      ],
    })
    expect((await commands.rows('project', 'show', 'a')).slice(-2)).toEqual([
      ['rule', 'prefix "config/": read-only'],
      ['rule', 'key "high score": write-once'],
    ])
    expect(await project('rule', 'a', 'none', '--prefix', 'config/')).toMatchObject({
      rules: [{ key: 'high score', preset: 'write-once' }],
    })
    expect(await project('may-list', 'a', 'scores/', 'names/')).toMatchObject({
      listPrefixes: ['scores/', 'names/'],
    })
    expect(await project('may-list', 'a')).toMatchObject({ listPrefixes: [], isOpen: true })
  })

  it('prints a new page key alone on stdout', async () => {
    const { commands } = await openPlace(place)
    const { pageKey } = await commands.json('project', 'create', 'a')
    const rotated = await commands.out('project', 'rotate-key', 'a')
    expect(rotated).toMatch(/^ck_page_[A-Za-z0-9]{32}\n$/)
    expect(rotated.trim()).not.toBe(pageKey)
    expect(await commands.json('project', 'show', 'a')).toMatchObject({ pageKey: rotated.trim() })
  })

  it('says after a new page key if the project is still open, and how to close it', async () => {
    const { commands } = await openPlace(place)
    await commands.out('project', 'create', 'a', '--open', 'on')
    const { stderr } = await commands.run('project', 'rotate-key', 'a')
    expect(stderr).toContain('still open: pages need only its channel id')
    const [, closing = ''] = /`coatcheck (.*)`/.exec(stderr) ?? []
    expect(await commands.json(...closing.split(' '))).toMatchObject({ isOpen: false })
    const again = await commands.run('project', 'rotate-key', 'a')
    expect(again.stderr).not.toContain('open')
  })

  it('imports and exports pairs without losing a digit', async () => {
    const { commands } = await openPlace(place)
    await commands.out('project', 'create', 'a')
    const text = '{"__proto__":9007199254740993,"clicks":1.50,"🧥":{"b":1,"a":[null]}}'
    const file = fileWith(commands, text)
    const imported = await commands.out('project', 'import', 'a', file)
    expect(imported).toBe('Pairs of owner~a: 3 added, 0 overwritten, 0 kept.\n')
    expect(await commands.out('project', 'export', 'a')).toBe(`${text}\n`)
    const target = join(commands.data, 'exported.json')
    expect(await commands.out('project', 'export', 'a', target)).toBe('')
    expect(readFileSync(target, 'utf8')).toBe(text)
    expect(await commands.json('project', 'import', 'a', file)).toEqual({
      added: 0,
      overwritten: 0,
      kept: 3,
      leftOut: 0,
    })
    const over = await commands.out('project', 'import', 'a', file, '--overwrite')
    expect(over).toBe('Pairs of owner~a: 0 added, 3 overwritten, 0 kept.\n')
  })

  it('seeds a project, and resets it to its seed', async () => {
    const { commands } = await openPlace(place)
    await commands.out('project', 'create', 'a')
    const seed = fileWith(commands, '{"click_count": 5}')
    const set = await commands.out('project', 'seed', 'a', seed)
    expect(set).toBe('The seed of owner~a has 1 pairs now.\n')
    await commands.out('project', 'import', 'a', fileWith(commands, '{"more":1}'))
    expect(await commands.out('project', 'export', 'a')).toBe('{"click_count":5,"more":1}\n')
    const reset = await commands.out('project', 'reset', 'a', '--yes')
    expect(reset).toBe('The project owner~a has the 1 pairs of its seed now.\n')
    expect(await commands.out('project', 'export', 'a')).toBe('{"click_count":5}\n')
    expect(await commands.out('project', 'seed', 'a')).toBe('{"click_count":5}\n')
    expect(await commands.out('project', 'seed', 'a', '--none')).toBe(
      'The project owner~a has no seed now.\n',
    )
    expect((await commands.run('project', 'reset', 'a', '--yes')).code).toBe(1)
  })
})

describe('coatcheck project', () => {
  it('refuses wrong arguments before it does anything', async () => {
    const { commands } = await openPlace('a running server')
    await commands.out('project', 'create', 'a')
    const wrongs = [
      ['create'],
      ['create', ''],
      ['create', 'b', '--open', 'yes'],
      ['update', 'a'],
      ['update', 'a', '--delete', 'maybe'],
      ['rule', 'a', 'readonly', 'k'],
      ['rule', 'a', 'read-only'],
      ['rule', 'a', 'read-only', 'k', '--prefix', 'p'],
      ['seed', 'a', 'file', '--none'],
      ['reset', 'a'],
      ['remove', 'a'],
      ['nothing', 'a'],
    ]
    for (const words of wrongs) {
      const { code, stdout, stderr } = await commands.run('project', ...words)
      expect({ code, stdout }, words.join(' ')).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(/^coatcheck: [^\n]+\.\nUsage: coatcheck project /)
    }
    for (const words of [
      ['show', 'none'],
      ['import', 'a', join(commands.data, 'none.json')],
      ['import', 'a', fileWith(commands, '[1]')],
      ['export', 'a', join(commands.data, 'none', 'file.json')],
      ['create', 'b', '--channel', 'a b'],
    ]) {
      const { code, stdout, stderr } = await commands.run('project', ...words)
      expect({ code, stdout }, words.join(' ')).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^coatcheck: [^\n]+\.\n$/)
    }
    expect(await commands.rows('project', 'list')).toHaveLength(1)
  })

  it('names file, line and column of a mistake, and imports nothing of that file', async () => {
    const { commands } = await openPlace('a running server')
    await commands.out('project', 'create', 'a')
    const mistakes = {
      '{\n  "score": 1,\n  "name": "x",\n}\n': 'line 4, column 1: Expected a name in quotes.',
      '{\r\n"🧥": 1 "b": 2}': 'line 2, column 8: Expected a comma or }.',
      '\ufeff{"a" 1}': 'line 1, column 6: A colon is missing.',
      '{"a": 1': 'line 1, column 8: Expected a comma or }.',
      '<!DOCTYPE html>': 'line 1, column 1: There is no JSON value.',
    }
    for (const how of ['import', 'seed']) {
      for (const [text, place] of Object.entries(mistakes)) {
        const file = fileWith(commands, text)
        const { code, stdout, stderr } = await commands.run('project', how, 'a', file)
        const said = { code: 1, stdout: '', stderr: `coatcheck: ${file}, ${place}\n` }
        expect({ code, stdout, stderr }).toEqual(said)
      }
    }
    const file = fileWith(commands, '[1]')
    const list = await commands.run('project', 'import', 'a', file)
    expect(list.stderr).toBe(`coatcheck: ${file} is not a JSON object with a value for each key.\n`)
    writeFileSync(file, Buffer.from('{"name":"Zoë"}', 'latin1'))
    const latin1 = await commands.run('project', 'import', 'a', file)
    expect(latin1.stderr).toBe(`coatcheck: ${file} is not UTF-8 text.\n`)
    expect(await commands.out('project', 'export', 'a')).toBe('{}\n')
  })

  it('says how many pairs it left out because they are null', async () => {
    const { commands } = await openPlace('a running server')
    await commands.out('project', 'create', 'a')
    const file = fileWith(commands, '{"a":1,"gone":null,"b":[null],"too":null}')
    const leftOut = '2 left out (their value is null)'
    const imported = await commands.out('project', 'import', 'a', file)
    expect(imported).toBe(`Pairs of owner~a: 2 added, 0 overwritten, 0 kept, ${leftOut}.\n`)
    const seeded = await commands.out('project', 'seed', 'a', file)
    expect(seeded).toBe(`The seed of owner~a has 2 pairs now, ${leftOut}.\n`)
    expect(await commands.json('project', 'seed', 'a', file)).toEqual({ pairs: 2, leftOut: 2 })
  })

  it('says how pages reach a new project', async () => {
    const { commands, server } = await openPlace('a running server')
    const { stdout, stderr } = await commands.run('project', 'create', 'a')
    const facts = Object.fromEntries(stdout.split('\n').map((line) => line.split('\t')))
    const script = `<script src="${server.url}/applab.js" data-channel="${facts.channel}"`
    expect(stderr).toBe(
      `Add this to your pages: ${script} data-key="${facts['page key']}"></script>\n`,
    )
  })

  it('says that the pages of a new closed project need the key', async () => {
    const { commands } = await openPlace('a folder that nobody serves')
    const note = async (...words: readonly string[]): Promise<string> =>
      (await commands.run('project', 'create', 'a', ...words)).stderr
    const closed = /^The project is closed: pages need the data-key below\.\n/
    const script = /<script src="(.+)\/applab.js" data-channel="[^"]{22}" data-key="ck_page_\w+">/
    const unserved = await note()
    expect(unserved).toMatch(closed)
    expect(script.exec(unserved)?.[1]).toBe('http://HOST')
    expect(unserved).toContain(
      'Replace HOST with the address of your server, such as 127.0.0.1:8288.\n',
    )
    expect(await note('--open', 'on')).not.toMatch(closed)
    const served = await openPlace('a running server')
    const asked = ['project', 'create', 'a', '--open', 'off']
    const { stderr } = await served.commands.run(...asked)
    expect(stderr).toMatch(closed)
    expect(script.exec(stderr)?.[1]).toBe(served.server.url)
    expect(stderr).not.toContain('HOST')
    expect((await served.commands.run(...asked, '--json')).stderr).toBe('')
  })

  it('loses no rule when several people set rules at once', async () => {
    const { commands } = await openPlace('a running server')
    await commands.out('project', 'create', 'a')
    await commands.out('project', 'rule', 'a', 'read-only', 'old')
    await Promise.all([
      commands.out('project', 'rule', 'a', 'only-raise', 'score'),
      commands.out('project', 'rule', 'a', 'write-once', '--prefix', 'names/'),
      commands.out('project', 'rule', 'a', 'none', 'old'),
      commands.out('project', 'rule', 'a', 'append-only', 'log'),
    ])
    const { rules } = await commands.json('project', 'show', 'a')
    expect(rules).toHaveLength(3)
    expect(rules).toEqual(
      expect.arrayContaining([
        { key: 'score', preset: 'only-raise' },
        { prefix: 'names/', preset: 'write-once' },
        { key: 'log', preset: 'append-only' },
      ]),
    )
    // Sending a whole list that was read before would undo changes made meanwhile.
    const trail = await commands.out('audit', '--limit', '5')
    expect(trail.match(/"ruleChanges":/g)).toHaveLength(5)
    expect(trail).not.toContain('"rules":')
  })

  it('makes a project for another user', async () => {
    const { commands } = await openPlace('a running server')
    await commands.out('user', 'add', 'jane')
    const made = await factsOf(commands, 'project', 'create', 'a', '--user', 'jane')
    expect(made).toMatchObject({ project: 'jane~a', owner: 'jane' })
    expect(await commands.rows('project', 'list', '--user', 'jane')).toHaveLength(1)
    expect(await commands.rows('project', 'list', '--user', 'owner')).toEqual([])
    expect(await commands.json('project', 'create', 'a')).toMatchObject({ username: 'owner' })
    const { code, stderr } = await commands.run('project', 'create', 'a', '--user', 'nobody')
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'coatcheck: There is no user nobody.\n' })
  })

  it('explains in its help how to name a project, and each rule', async () => {
    const { commands } = await openPlace('a folder that nobody serves')
    const help = await commands.out('project', '--help')
    expect(help).toMatch(/PROJECT is a channel id,\n.* NAME, USER~NAME or its id\n/)
    expect(help).toContain('\n  coatcheck project rule PROJECT PRESET KEY|--prefix TEXT\n')
    for (const preset of [...pagePresets, 'none']) {
      expect(help).toMatch(new RegExp(`^ {8}${preset} {2,}[a-z]`, 'm'))
    }
    expect(help.split('\n').filter((line) => line.length > 100)).toEqual([])
    const { stderr } = await commands.run('project', 'rule', 'a', 'readonly', 'k')
    expect(stderr).toContain(
      'Unknown preset "readonly". Use one of: anything, read-only, write-once,',
    )
  })

  it('says which keys pages may list', async () => {
    const { commands } = await openPlace('a running server')
    await commands.out('project', 'create', 'a')
    const { stdout, stderr } = await commands.run('project', 'may-list', 'a', 'scores/')
    expect(stdout).toContain('\npages may list\t"scores/"\n')
    expect(stderr).toBe('')
  })

  it('lists projects of all users or of one, a page at a time', async () => {
    const { commands } = await openPlace('a folder that nobody serves')
    for (const name of ['a', 'b', 'c']) await commands.out('project', 'create', name)
    for (const whose of [[], ['--user', 'owner']]) {
      const list = ['project', 'list', '--limit', '2', ...whose]
      const first = await commands.run(...list)
      const [, after = ''] = /^There are more: --after (\S+)\n$/.exec(first.stderr) ?? []
      const second = await commands.run(...list, '--after', after)
      const names = (first.stdout + second.stdout).split('\n').map((line) => line.split('\t')[2])
      expect(names).toEqual(['a', 'b', 'c', undefined])
      expect(second.stderr).toBe('')
    }
    expect((await commands.run('project', 'list', '--limit', '0')).code).toBe(2)
    expect((await commands.run('project', 'list', '--after', 'x')).code).toBe(1)
  })

  it("appears in the audit trail as done on the server's own machine", async () => {
    const { commands, server } = await openPlace('a running server')
    await commands.out('project', 'create', 'a')
    await commands.out('project', 'update', 'a', '--open', 'off')
    const client = new Client({ url: server.url, token: server.token })
    const reply = await client.send({ method: 'GET', path: '/coatcheck/v1/audit?limit=1' })
    client.close()
    expect(JSON.parse(reply.body.toString()).data.items[0]).toMatchObject({
      action: 'project-changed',
      door: 'cli',
      details: { isOpen: false },
    })
  })

  it('leaves valid data, also in a copy', async () => {
    const { commands, server } = await openPlace('a running server')
    await commands.out('project', 'create', 'a')
    await commands.out('project', 'seed', 'a', fileWith(commands, '{"a": 1}'))
    const { pageKey } = await commands.json('project', 'show', 'a')
    await server.stop()
    expect((await checkFolder(commands.data)).code).toBe(0)
    const target = join(createTestFolder(), 'copied')
    await commands.out('copy', '--from', commands.data, '--to', target)
    expect((await checkFolder(target)).code).toBe(0)
    const copied = await commands.json('project', 'show', 'a', '--data', target)
    expect(copied).toMatchObject({ pageKey, hasSeed: true })
  })
})
