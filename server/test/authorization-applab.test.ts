import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { routes } from '../src/protocols/applab/routes.ts'
import {
  type ApplabRow,
  applabRows,
  askApplab,
  headWord,
  type PageKeys,
  pageNames,
} from './support/authorization/applab-operations.ts'
import { applabColumns, settingsColumns } from './support/authorization/applab-rules.ts'
import { endpointsOf } from './support/authorization/operations.ts'
import { callerNames, World } from './support/authorization/world.ts'
import { Remote } from './support/network/remote.ts'
import { useTestServer } from './support/network/test-server.ts'

const server = useTestServer()
const everybody = [...callerNames, ...pageNames]
let world: World
let keys: PageKeys

beforeAll(async () => {
  world = await World.create({ url: server.url(), token: server.token() })
  const other = await jane('/coatcheck/v1/projects', { method: 'POST', json: { name: 'other' } })
  keys = { right: '', ofAnother: other.data.pageKey }
})

/** Restores the project to its start: closed, without rights for pages. */
async function restore(settings: object = {}): Promise<void> {
  await jane(`/v2/key-value-stores/${world.wardrobe.id}/clear`, { method: 'POST' })
  await world.restore()
  const path = `/coatcheck/v1/projects/${world.wardrobe.channelId}`
  const json = { isOpen: false, mayDelete: false, listPrefixes: [], ...settings }
  const { data } = await jane(path, { method: 'PATCH', json })
  keys = { ...keys, right: data.pageKey }
}

function jane(path: string, asked: { method?: string; json?: object }) {
  return new Remote(server.url()).do(path, { ...asked, token: world.tokenOf('jane') })
}

function ask(row: ApplabRow, caller: string): Promise<string> {
  return askApplab(server.url(), row, { world, caller, keys })
}

describe('the list of operations of the App Lab door', () => {
  it('names exactly its endpoints, so that a new endpoint needs a rule', () => {
    const listed = new Set(applabRows.map(({ at }) => at))
    expect([...listed].sort()).toEqual(endpointsOf(routes).sort())
  })

  it('uses every kind of operation in the rules, and the rules cover every caller', () => {
    const kinds = new Set(applabRows.map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual([...applabColumns.keys()].sort())
    for (const [kind, column] of applabColumns) expect([...column.keys()], kind).toEqual(everybody)
  })
})

describe('who may do what with a project', () => {
  beforeEach(() => restore())

  const cases = applabRows.map((row) => ({ title: `${row.at} ${row.variant ?? ''}`.trim(), row }))

  it.each(cases)('follows the rules: $title', async ({ row }) => {
    const column = [...(applabColumns.get(row.kind) ?? [])]
    const answers = new Map<string, string>()
    const untouched = row.changes && (await world.state())
    for (const [caller, word] of column) {
      if (word !== 'ok') answers.set(caller, await ask(row, caller))
    }
    if (untouched) expect(await world.state(), 'refused').toEqual(untouched)
    for (const [caller, word] of column) {
      if (word !== 'ok') continue
      const before = row.changes && (await world.state())
      answers.set(caller, await ask(row, caller))
      if (!before) continue
      expect(await world.state(), `granted to ${caller}`).not.toEqual(before)
      await restore()
    }
    const spelled = row.at.startsWith('HEAD') ? headWord : (word: string): string => word
    const expected = column.map(([caller, word]) => [caller, spelled(word)])
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(expected))
  })
})

describe('the rights of pages', () => {
  const settings: Readonly<Record<string, object>> = {
    open: { isOpen: true },
    delete: { mayDelete: true },
    both: { isOpen: true, mayDelete: true },
    list: { listPrefixes: [''] },
  }
  const kinds: Readonly<Record<string, readonly string[]>> = {
    read: ['read-in', 'read-out', 'user'],
    set: ['set-in', 'set-out'],
    delete: ['delete-in', 'delete-out'],
    list: ['list'],
    all: ['read-some', 'write-in', 'write-out', 'write-all'],
  }

  it.each([...settingsColumns])('follow the settings of the project: %s', async (name, column) => {
    const [setting = '', use = ''] = name.split(':')
    const rows = applabRows.filter(
      ({ kind, at }) => kinds[use]?.includes(kind) && !at.startsWith('HEAD'),
    )
    expect(rows.length).toBeGreaterThan(1)
    await restore(settings[setting])
    for (const row of rows) {
      for (const [caller, word] of column) {
        expect(await ask(row, caller), `${caller}: ${row.at}`).toBe(word)
        if (word === 'ok' && row.changes) await restore(settings[setting])
      }
    }
  })
})
