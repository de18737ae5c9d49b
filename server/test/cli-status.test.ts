import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { readVersion } from '../src/installation/version.ts'
import { DataCommands, openPlace, type Place, places } from './support/data/data-commands.ts'
import { mountSmallDisk } from './support/data/small-disk.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { Remote } from './support/network/remote.ts'
import type { OwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'
import { straceWords } from './support/processes/strace.ts'
import { TerminalCommand } from './support/processes/terminal.ts'

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000 })

const promise = "acknowledged writes are on one machine's disk"
const notServed = 'No server has this data folder open.'

/** A command that opened the data itself has read it, but no client can. */
const endOf: Readonly<Record<Place, { code: number; stderr: string }>> = {
  'a running server': { code: 0, stderr: '' },
  'a folder that nobody serves': { code: 1, stderr: `coatcheck: ${notServed}\n` },
}

describe.each(places)('coatcheck status, with %s', (place) => {
  it('prints the state of the server, one fact per line, for programs', async () => {
    const { commands, server } = await openPlace(place)
    await commands.out('user', 'add', 'jane')
    const { code, stdout, stderr } = await commands.run('status')
    expect({ code, stderr }).toEqual(endOf[place])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => line.split('\t'))).toEqual([
      ['status', place === 'a running server' ? 'ok' : 'stopped'],
      ['engine', 'lmdb'],
      ['promise', promise],
      ['address', addressOf(place, server) ?? 'no server has this folder open'],
      ['version', readVersion()],
      ['users', '2'],
      ['stores', '0'],
      ['clock', '-'],
    ])
  })

  it('prints as JSON what /health shows admins, and what the folder holds', async () => {
    const { commands, server } = await openPlace(place)
    const { code, stdout } = await commands.run('status', '--json')
    expect(code).toBe(endOf[place].code)
    const isServed = place === 'a running server'
    expect(JSON.parse(stdout)).toEqual({
      status: isServed ? 'ok' : 'stopped',
      ready: isServed,
      whyNot: isServed ? null : notServed,
      engine: 'lmdb',
      durability: 'single',
      clockSkewMs: null,
      notes: [],
      version: readVersion(),
      address: addressOf(place, server) ?? null,
      users: { count: 1, isTruncated: false },
      stores: { count: 0, isTruncated: false },
    })
  })
})

describe('coatcheck status', () => {
  it('is readable on a terminal', async () => {
    const { commands } = await openPlace('a folder that nobody serves')
    const terminal = new TerminalCommand(['status', '--data', commands.data])
    expect(await terminal.exit()).toBe(1)
    expect(terminal.text).toMatch(new RegExp(`^promise {2,}${promise}\\r?$`, 'm'))
  })

  it('counts stores', async () => {
    const { commands, server } = await openPlace('a running server')
    const client = new Client(server)
    await client.openStore('one')
    await client.openStore('two')
    client.close()
    expect((await commands.json('status')).stores).toEqual({ count: 2, isTruncated: false })
  })

  it('says why the server does not serve, and exits with 1', async () => {
    const data = createTestFolder()
    const log = `${createTestFolder()}/log`
    const failing = ['-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=EIO:when=20+']
    const under = straceWords(['-o', log, '-P', `${data}/lmdb/journal`, ...failing])
    const server = await ServerProcess.start({ data, under })
    const client = new Client(server)
    const store = await client.openStore('full')
    while ((await store.put('key', 'value')).status === 201);
    client.close()
    const commands = new DataCommands(data)
    const { code, stdout, stderr } = await commands.run('status')
    expect(code).toBe(1)
    expect(stdout).toMatch(/^status\tunavailable\nengine\tlmdb\n/)
    expect(stderr).toMatch(/^coatcheck: The disk failed while writing[^\n]+\.\n$/)
    const json = JSON.parse((await commands.run('status', '--json')).stdout)
    expect(json).toMatchObject({ ready: false, whyNot: expect.stringContaining('The disk failed') })
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(503)
  })

  it('notes that the disk is nearly full', async () => {
    const { path } = mountSmallDisk(30 * 1_048_576)
    const data = join(path, 'data')
    await ServerProcess.start({ data })
    const rows = await new DataCommands(data).rows('status')
    const [, note] = rows.find(([name]) => name === 'note') ?? []
    expect(note).toMatch(/^The disk of .*lmdb has \d+ MiB of room left\.$/)
    expect(rows[0]).toEqual(['status', 'ok'])
  })

  it('is degraded while a full disk refuses writes, and no longer once they are served', async () => {
    const disk = mountSmallDisk(36 * 1_048_576)
    const server = await ServerProcess.start({ data: join(disk.path, 'data') })
    const store = await new Client(server).openStore('full')
    const value = Buffer.alloc(1_000_000, 'x')
    for (let count = 0; (await store.put(`key-${count}`, value)).status === 201; ) count += 1
    const commands = new DataCommands(server.data)
    const rows = await commands.rows('status')
    expect(rows[0]).toEqual(['status', 'degraded'])
    expect(rows).toContainEqual(['note', 'Writes are refused, because the storage is full.'])
    const { status, ready, notes } = await new Remote(server.url).do('/health')
    expect({ status, ready }).toEqual({ status: 'degraded', ready: true })
    expect(notes).toContain('Writes are refused, because the storage is full.')
    disk.grow(64 * 1_048_576)
    expect((await store.put('again', value)).status).toBe(201)
    await expect
      .poll(() => commands.rows('status').then(([first]) => first))
      .toEqual(['status', 'ok'])
  })

  it('is degraded while the disk is full, even if nobody writes', async () => {
    const { path } = mountSmallDisk(36 * 1_048_576)
    const server = await ServerProcess.start({ data: join(path, 'data') })
    const { bavail, bsize } = statfsSync(path)
    writeFileSync(join(path, 'filler'), Buffer.alloc(bavail * bsize - 65_536))
    const rows = await new DataCommands(server.data).rows('status')
    expect(rows[0]).toEqual(['status', 'degraded'])
    expect(rows).toContainEqual(['note', 'The disk is full.'])
  })

  it('asks the server of the folder, unless it has another engine than the named one', async () => {
    const { commands } = await openPlace('a running server')
    expect((await commands.run('status', '--engine', 'lmdb')).code).toBe(0)
    const address = 'postgres://nobody@127.0.0.1:9/none'
    const { code, stdout, stderr } = await commands.run('status', '--engine', address)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe(
      `coatcheck: The server of ${commands.data} has the engine lmdb, not postgresql.\n`,
    )
  })
})

function addressOf(place: Place, { url }: OwnServer): string | undefined {
  return place === 'a running server' ? url : undefined
}
