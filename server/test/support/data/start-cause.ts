import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { formatVersion } from '../../../src/core/disk/format.ts'
import { Client } from '../network/client.ts'
import { startOwnServer } from '../processes/own-server.ts'
import { cutShort, dataFileOf, setFormat } from './data-file.ts'
import { mountSmallDisk } from './small-disk.ts'
import { createTestFolder } from './test-folder.ts'

/** Not written as loopback, so it counts as reachable; but the server listens on loopback. */
export const reachableHost = '::ffff:127.0.0.1'
const longToken = 'a-token-of-my-own-with-many-characters'

/** The difference from a start that works. */
interface Setup {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly data?: string
}

/** Something that keeps the server from starting. */
export interface StartCause {
  readonly cause: string
  readonly says: RegExp
  /** The exit code; 1 if left out. */
  readonly code?: number
  /** Creates the cause in this empty folder. */
  setUp(data: string): Setup | Promise<Setup>
}

/** Flags that do not exist, and words that are none. */
export const wrongWords: readonly StartCause[] = [
  { cause: 'an unknown flag', says: /--bogus/, setUp: () => ({ args: ['--bogus', '1'] }) },
  {
    cause: 'a mistyped flag',
    says: /Unknown option '--prot'\. Did you mean --port\?/,
    setUp: () => ({ args: ['--prot', '1'] }),
  },
  { cause: 'a flag without a value', says: /--host/, setUp: () => ({ args: ['--host'] }) },
  {
    cause: 'a flag whose value is another flag',
    says: /Option --data needs a value/,
    setUp: () => ({ args: ['--data', '--port', '0'] }),
  },
  { cause: 'a stray word', says: /stray/, setUp: () => ({ args: ['stray'] }) },
].map((cause) => ({ ...cause, code: 2 }))

/** Wrong settings. */
export const wrongUsage: readonly StartCause[] = [
  { cause: 'a word as port', says: /--port is "x"/, setUp: () => ({ args: ['--port', 'x'] }) },
  { cause: 'a port too high', says: /"65536"/, setUp: () => ({ args: ['--port', '65536'] }) },
  { cause: 'an unknown engine', says: /"files"/, setUp: () => ({ args: ['--engine', 'files'] }) },
  {
    cause: 'the address of another database as engine',
    says: /--engine is an unknown engine\. Use lmdb, memory or postgres:/,
    setUp: () => ({ args: ['--engine', 'mysql://user:canary@127.0.0.1/db'] }),
  },
  {
    cause: 'an unknown durability',
    says: /--durability is "both"/,
    setUp: () => ({ args: ['--durability', 'both'] }),
  },
  { cause: 'a wrong second port', says: /"on"/, setUp: () => ({ args: ['--nemesis-port', 'on'] }) },
  {
    cause: 'retention days that are not a number',
    says: /--unnamed-retention-days is "soon"/,
    setUp: () => ({ args: ['--unnamed-retention-days', 'soon'] }),
  },
  {
    cause: 'negative retention days',
    says: /--unnamed-retention-days is "-1", but must be a number of days from 0 to 36500/,
    setUp: () => ({ args: ['--unnamed-retention-days', '-1'] }),
  },
  {
    cause: 'a negative port',
    says: /--port is "-1", but must be a port from 0 to 65535/,
    setUp: () => ({ args: ['--port', '-1'] }),
  },
  {
    cause: 'a public URL that is not a URL',
    says: /--public-url is "store.example.com", but must be a URL/,
    setUp: () => ({ args: ['--public-url', 'store.example.com'] }),
  },
  {
    cause: 'a public URL with a query',
    says: /--public-url is "http:\/\/x\/\?a=1"/,
    setUp: () => ({ args: ['--public-url', 'http://x/?a=1'] }),
  },
  {
    cause: 'an allowed host that is a URL',
    says: /--allowed-hosts has "https:\/\/b\.example", but must hold hosts/,
    setUp: () => ({ args: ['--allowed-hosts', 'a.example,https://b.example'] }),
  },
  {
    cause: 'a trusted proxy that is a name',
    says: /--trusted-proxies has "proxy\.example", but must hold addresses such as 10\.0\.0\.1/,
    setUp: () => ({ args: ['--trusted-proxies', '10.0.0.1,proxy.example'] }),
  },
  {
    cause: 'a trusted network that is too narrow',
    says: /--trusted-proxies has "10\.0\.0\.0\/33"/,
    setUp: () => ({ args: ['--trusted-proxies', '10.0.0.0/33'] }),
  },
  {
    cause: 'a switch that is neither on nor off',
    says: /COATCHECK_INSECURE_FOLDER is "maybe", which is neither on nor off/,
    setUp: () => ({ env: { COATCHECK_INSECURE_FOLDER: 'maybe' } }),
  },
  {
    cause: 'a wrong environment variable',
    says: /COATCHECK_ENGINE is "files"/,
    setUp: () => ({ env: { COATCHECK_ENGINE: 'files' } }),
  },
  {
    cause: 'a config file that is missing',
    says: /nowhere\.json can't be read/,
    setUp: () => ({ args: ['--config', 'nowhere.json'] }),
  },
  { cause: 'a config file that is not JSON', says: /is not JSON/, setUp: config('{port: 1}') },
  { cause: 'a config file with a list', says: /is not a JSON object/, setUp: config('[]') },
  {
    cause: 'an unknown setting',
    says: /"prot", which is an unknown setting\. Did you mean "port"\?/,
    setUp: config('{"prot":1}'),
  },
  { cause: 'a wrong setting', says: /"engine" in the config/, setUp: config('{"engine":"files"}') },
].map((cause) => ({ ...cause, code: 2 }))

export const unusableFolders: readonly StartCause[] = [
  {
    cause: 'a folder that nobody may write to',
    says: /can't be used: (it is on a read-only disk|this user may not write there)/,
    setUp: () => ({ data: readOnlyFolder() }),
  },
  {
    cause: 'a new folder in a folder that nobody may write to',
    says: /can't be used: (it is on a read-only disk|this user may not write there)/,
    setUp: () => ({ data: join(readOnlyFolder(), 'new') }),
  },
  {
    cause: 'a file in place of the data folder',
    says: /can't be used: that path is a file/,
    setUp: (data) => ({ data: writtenFile(join(data, 'file')) }),
  },
  {
    cause: 'a folder inside of a file',
    says: /can't be used: part of that path is a file/,
    setUp: (data) => ({ data: join(writtenFile(join(data, 'file')), 'folder') }),
  },
  ...['/proc/x', '/proc/x/y/z', '/proc/self/new'].map((data) => ({
    cause: `${data}, where the folder above exists and no folder can be made`,
    says: /can't be used: (no folder can be made there|this user may not write there)/,
    setUp: () => ({ data }),
  })),
  ...['/dev/null', '/dev/full'].map((data) => ({
    cause: `${data} as the data folder`,
    says: /can't be used: that path is a file/,
    setUp: () => ({ data }),
  })),
  {
    cause: 'a folder inside of /dev/null',
    says: /can't be used: part of that path is a file/,
    setUp: () => ({ data: '/dev/null/folder' }),
  },
  {
    cause: '/proc itself',
    says: /can't be used: /,
    setUp: () => ({ data: '/proc' }),
  },
  { cause: 'a full disk', says: /full/, setUp: () => ({ data: fullFolder() }) },
  {
    cause: 'a file in place of the lmdb folder',
    says: /lmdb can't be used: that path is a file/,
    setUp: writtenIn('lmdb'),
  },
  {
    cause: 'a folder in place of the token file',
    says: /can't be used: /,
    setUp: madeIn('first-token'),
  },
  {
    cause: 'a folder in place of the local-server file',
    says: /can't be used: /,
    setUp: madeIn('local-server'),
  },
  {
    cause: 'a folder in place of the data file',
    says: /can't be read: /,
    setUp: madeIn('lmdb/data.mdb'),
  },
]

export const unusableData: readonly StartCause[] = [
  {
    cause: 'another Coatcheck in the folder',
    says: /is in use by another Coatcheck/,
    setUp: async (data) => {
      await startOwnServer({ data })
      return {}
    },
  },
  { cause: 'a data file of text', says: /is damaged/, setUp: dataFile(Buffer.from('Hello!\n')) },
  { cause: 'a data file of zeros', says: /is damaged/, setUp: dataFile(Buffer.alloc(65_536)) },
  {
    cause: 'a data file of noise',
    says: /is damaged/,
    setUp: dataFile(Buffer.from(Array.from({ length: 65_536 }, (_, at) => (at * at * 31) % 251))),
  },
  { cause: 'a data file cut to a half', says: /is cut short/, setUp: servedAndCut(300_000) },
  { cause: 'a data file cut to its head', says: /is cut short/, setUp: servedAndCut(60_000) },
  {
    cause: 'data of a newer format',
    says: /newer Coatcheck/,
    setUp: async (data) => {
      await (await startOwnServer({ data })).stop()
      await setFormat(data, formatVersion + 1)
      return {}
    },
  },
]

export const refusals: readonly StartCause[] = [
  {
    cause: 'replication, which LMDB does not have',
    says: /--durability replicated can't be kept: .* on one machine's disk only/,
    setUp: () => ({ args: ['--durability', 'replicated'] }),
  },
  {
    cause: 'durability on disk, which the memory engine does not have',
    says: /--durability single can't be kept: .* are lost when the process ends/,
    setUp: () => ({ args: ['--engine', 'memory', '--durability', 'single'] }),
  },
  {
    cause: 'a port that is taken',
    says: /Can't listen on 127\.0\.0\.1:\d+: something else listens there/,
    setUp: async () => ({ args: ['--port', String(await takenPort())] }),
  },
  {
    cause: 'an address that is not of this machine',
    says: /Can't listen on 192\.0\.2\.1:0: this machine has no such address/,
    setUp: () => ({ args: ['--host', '192.0.2.1'] }),
  },
  {
    cause: 'a first start beyond loopback without an initial token',
    says: /set COATCHECK_INITIAL_TOKEN/,
    setUp: () => ({ args: ['--host', reachableHost] }),
  },
  {
    cause: 'an initial token that is too short',
    says: /COATCHECK_INITIAL_TOKEN must be 32 or more/,
    setUp: () => ({ env: { COATCHECK_INITIAL_TOKEN: 'x'.repeat(31) } }),
  },
  {
    cause: 'an initial token with spaces',
    says: /visible ASCII/,
    setUp: () => ({ env: { COATCHECK_INITIAL_TOKEN: `${longToken} ${longToken}` } }),
  },
]

function config(text: string): StartCause['setUp'] {
  return (folder) => ({ args: ['--config', writtenFile(join(folder, 'config.json'), text)] })
}

function writtenFile(path: string, content: string | Buffer = ''): string {
  writeFileSync(path, content)
  return path
}

function writtenIn(name: string): StartCause['setUp'] {
  return (data) => {
    writtenFile(join(data, name))
    return {}
  }
}

function madeIn(name: string): StartCause['setUp'] {
  return (data) => {
    mkdirSync(join(data, name), { recursive: true })
    return {}
  }
}

function dataFile(content: Buffer): StartCause['setUp'] {
  return (data) => {
    mkdirSync(join(data, 'lmdb'))
    writtenFile(dataFileOf(data), content)
    return {}
  }
}

/** The data ends far before the file, which keeps room for more. */
function servedAndCut(bytes: number): StartCause['setUp'] {
  return async (data) => {
    const server = await startOwnServer({ data })
    const store = await new Client(server).openStore('cut')
    await store.put('key', Buffer.alloc(500_000, 'x'))
    await server.stop()
    cutShort(data, bytes)
    return {}
  }
}

/** Root may write anywhere, so for root this is a read-only disk. */
function readOnlyFolder(): string {
  if (process.getuid?.() !== 0) {
    const folder = createTestFolder()
    chmodSync(folder, 0o500)
    return folder
  }
  const disk = mountSmallDisk(1_048_576)
  disk.makeReadOnly()
  return disk.path
}

function fullFolder(): string {
  const { path } = mountSmallDisk(65_536)
  writeFileSync(join(path, 'filler'), Buffer.alloc(61_440))
  return path
}

async function takenPort(): Promise<number> {
  const taken = createServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  taken.listen(0, '127.0.0.1', resolve)
  await promise
  onTestFinished(() => void taken.close())
  const address = taken.address()
  return typeof address === 'object' && address ? address.port : 0
}
