import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { formatVersion } from '../src/core/disk/format.ts'
import { kindOf } from '../src/core/disk/keyspace.ts'
import { encodeCounter } from '../src/core/engine/counter.ts'
import { pack, packedKind, sealed } from '../src/engines/lmdb/entries/entry.ts'
import { JournalHalf, roomFor } from '../src/engines/lmdb/journal/journal-half.ts'
import { encodeHead } from '../src/engines/lmdb/journal/journal-head.ts'
import { decodeState, encodeState, sealBytes } from '../src/engines/lmdb/journal/journal-state.ts'
import { LmdbEngine } from '../src/engines/lmdb/lmdb.ts'
import { parsePostgresAddress } from '../src/engines/postgres/link/address.ts'
import { openPostgres } from '../src/engines/postgres/postgres.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { exactEncodings, storedForms } from './support/format/stored-entries.ts'
import { Client } from './support/network/client.ts'
import { sharedPostgres } from './support/postgres/test-database.ts'
import { checkFolder } from './support/processes/command.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

// One server is a process of its own.
vi.setConfig({ testTimeout: 120_000 })

const fixtures = fileURLToPath(new URL('fixtures/format/', import.meta.url))

/**
 * If this fails, what is on disk has changed. Programs of before that change must not open such
 * data: raise `formatVersion`, describe the change in `docs/format.md`, see that data of every
 * earlier format still opens, and let `vitest -u` write the file of the new version. Never change
 * the file of a version that was published.
 */
describe(`format ${formatVersion}`, () => {
  const golden = (part: string): string => join(fixtures, `${formatVersion}-${part}.txt`)

  it('has these keys and encodings', async () => {
    await expect(exactEncodings().join('\n')).toMatchFileSnapshot(golden('encodings'))
  })

  it('has entries of these forms, one of every kind', async () => {
    const forms = await storedForms()
    const kinds = Array.from({ length: 256 }, (_, byte) => kindOf(Buffer.from([byte])))
    const isStored = (kind: string): boolean => forms.some((form) => form.startsWith(`${kind} `))
    expect(kinds.filter((kind) => kind !== undefined && !isStored(kind))).toEqual([])
    await expect(forms.join('\n')).toMatchFileSnapshot(golden('entries'))
  })

  it('has these entries of LMDB, and blocks of its journal', async () => {
    const key = Buffer.from('key')
    const value = { kind: packedKind.value, revision: 2 ** 40 + 1, value: Buffer.from('value') }
    const counter = { kind: packedKind.counter, revision: 7, value: encodeCounter(-2n) }
    const half = new JournalHalf(roomFor({ bytes: 1_000, entries: 9 }), 1)
    half.beginDraft()
    half.put(key, value)
    half.remove(Buffer.from('removed'))
    half.put(Buffer.from('counter'), counter)
    const block = half.seal(Buffer.alloc(16, 'seal'), { before: 2 ** 40, newest: 2 ** 40 + 1 })
    const state = {
      newest: 2 ** 40 + 1,
      seal: Buffer.alloc(sealBytes, 'seal'),
      formerSeal: Buffer.alloc(sealBytes, 'former'),
      isClean: true,
      dropped: { after: 2 ** 40, bytes: 77 },
    }
    expect(decodeState(encodeState(state))).toEqual(state)
    const lines = [
      `value ${sealed(key, pack(value)).toString('hex')}`,
      `counter ${sealed(key, pack(counter)).toString('hex')}`,
      `block ${block.toString('hex')}`,
      `head ${encodeHead(Buffer.alloc(sealBytes, 'seal')).subarray(0, 1_024).toString('hex')}`,
      `state ${encodeState(state).toString('hex')}`,
    ]
    await expect(lines.join('\n')).toMatchFileSnapshot(golden('lmdb'))
  })

  it('has these tables in PostgreSQL', async () => {
    const url = await sharedPostgres.createDatabase()
    await (await openPostgres(parsePostgresAddress(url))).close()
    const columns = await sharedPostgres.query(
      `select table_name as name, column_name as column, data_type as type
       from information_schema.columns where table_schema = 'public'
       order by table_name, ordinal_position`,
      url,
    )
    const lines = columns.map(({ name, column, type }) => `${name}.${column} ${type}`)
    await expect(lines.join('\n')).toMatchFileSnapshot(golden('postgresql'))
  })

  it('is in the file of LMDB before anything is acknowledged, not only in its journal', async () => {
    const server = await ServerProcess.start({ data: createTestFolder() })
    const client = new Client({ url: server.url, token: server.token })
    const store = await client.openStore('store')
    await store.put('K', 'acknowledged')
    client.close()
    await server.kill()
    // Programs of before the journal read this file alone.
    expect(readFormat(join(server.data, 'lmdb'))).toMatchObject({ version: formatVersion })
  })

  it('is named in docs/format.md', () => {
    const docs = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8')
    expect(docs).toContain(`This is **format ${formatVersion}**`)
  })
})

/** Folders as servers of earlier versions left them: stopped in order, and killed. */
describe.each(['1-stopped', '1-killed', '2-stopped', '2-killed', '3-stopped', '3-killed'])(
  'data of an earlier format: %s',
  (name) => {
    const token = 'format-one-format-one-format-one-00'

    function unpacked(): string {
      const data = createTestFolder()
      execFileSync('tar', ['-xzf', join(fixtures, `${name}.tgz`), '-C', data])
      return data
    }

    it('opens with everything that it holds, gets the new format, and the log says so', async () => {
      const data = unpacked()
      expect((await checkFolder(data)).stdout).toMatch(/: everything is sound\n$/)
      const server = await startOwnServer({ data })
      expect(server.stderr).toContain(
        `The data had format ${name[0]} and has format ${formatVersion} from now on`,
      )
      const client = new Client({ url: server.url, token })
      const read = async (key: string): Promise<string> =>
        (
          await client.send({ method: 'GET', path: `/v2/key-value-stores/~kept/records/${key}` })
        ).body
          .toString()
          .slice(0, 20)
      expect([await read('short'), await read('long'), await read('last')]).toEqual([
        'short value',
        'x'.repeat(20),
        'last value',
      ])
      client.close()
      await server.stop()
      const again = await startOwnServer({ data })
      expect(again.problems).toEqual([])
    })
  },
)

function readFormat(folder: string): unknown {
  // Without its journal, as programs of before it: the copy has only LMDB's own file.
  const copy = createTestFolder()
  execFileSync('cp', [join(folder, 'data.mdb'), copy])
  expect(existsSync(join(copy, 'journal'))).toBe(false)
  const engine = new LmdbEngine(copy, { givesUp: true })
  const found = engine.get([Buffer.from('f')])
  const [entry] = found instanceof Promise ? [] : found
  const text = Buffer.from(entry?.value ?? []).toString()
  void engine.close()
  return JSON.parse(text === '' ? '{}' : text)
}
