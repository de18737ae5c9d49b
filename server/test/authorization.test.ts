import { beforeAll, describe, expect, it } from 'vitest'
import { routes as apifyRoutes } from '../src/protocols/apify/routes.ts'
import { healthRoutes } from '../src/protocols/coatcheck/api/health.ts'
import { routes as coatcheckRoutes } from '../src/protocols/coatcheck/routes.ts'
import { apifyRows } from './support/authorization/apify-operations.ts'
import { coatcheckRows } from './support/authorization/coatcheck-operations.ts'
import { healthRows } from './support/authorization/health-operations.ts'
import {
  type Address,
  endpointsOf,
  httpOperations,
  type Operation,
  type Row,
  requestOf,
} from './support/authorization/operations.ts'
import { columns, type Meaning, openings } from './support/authorization/rules.ts'
import { callerNames, World } from './support/authorization/world.ts'
import { Remote } from './support/network/remote.ts'
import { useTestServer } from './support/network/test-server.ts'

const server = useTestServer()
const url = (): string => server.url()
/** The endpoints of each door, and the operations that the rules list for it. */
const doors: readonly { name: string; endpoints: string[]; operations: Operation[] }[] = [
  {
    name: 'Apify',
    endpoints: endpointsOf(apifyRoutes),
    operations: httpOperations(apifyRows, url),
  },
  {
    name: 'Coatcheck',
    endpoints: endpointsOf([...coatcheckRoutes, ...healthRoutes]),
    operations: httpOperations([...coatcheckRows, ...healthRows], url),
  },
]

let world: World

beforeAll(async () => {
  world = await World.create({ url: server.url(), token: server.token() })
})

describe.each(doors)('the list of operations of the $name door', (door) => {
  const listed = new Set(door.operations.map(({ endpoint }) => endpoint))

  it('names each of its endpoints, so that a new endpoint needs a rule', () => {
    expect(door.endpoints.length).toBeGreaterThan(10)
    expect(door.endpoints.filter((endpoint) => !listed.has(endpoint))).toEqual([])
  })

  it('names no endpoint that does not exist', () => {
    expect([...listed].filter((endpoint) => !door.endpoints.includes(endpoint))).toEqual([])
  })
})

describe('the rules', () => {
  it('cover every caller, in every column, and every kind of operation', () => {
    const kinds = doors.flatMap(({ operations }) => operations.map(({ kind }) => kind))
    expect([...columns.keys()].sort()).toEqual([...new Set(kinds)].sort())
    for (const [kind, column] of columns) {
      expect([...column.keys()], kind).toEqual(callerNames)
    }
  })
})

describe('who may do what', () => {
  const cases = doors.flatMap(({ operations }) =>
    operations.map((operation) => ({ title: titleOf(operation), operation })),
  )

  it.each(cases)('follows the rules: $title', async ({ operation }) => {
    const all = operation.addresses.flatMap((address) =>
      [...meaningsOf(operation)].map(([caller, meaning]) => ({ caller, meaning, address })),
    )
    const answers = new Map<string, string>()
    const ask = async (one: (typeof all)[number]): Promise<void> => {
      const answer = await operation.ask(world, world.as(one.caller), one.address)
      answers.set(whoOf(one), answer)
    }
    const watched = all.find(({ caller, meaning }) => meaning === 'ok' && isWatched(caller))
    const allowed = all.filter((one) => one.meaning === 'ok' && one !== watched)
    await world.restore()
    const before = operation.changes ? await world.state() : undefined
    for (const one of all.filter(({ meaning }) => meaning !== 'ok')) await ask(one)
    if (before) expect(await world.state(), 'refused').toEqual(before)
    if (watched) {
      await ask(watched)
      // If `state` missed this change, the test would also miss a refusal that changes data.
      if (before) expect(await world.state()).not.toEqual(before)
      if (before) await world.restore()
    }
    for (const one of allowed) {
      await ask(one)
      if (before) await world.restore()
    }
    const expected = all.map((one) => [whoOf(one), operation.spell(one.meaning, one.address)])
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(expected))
  })
})

describe('access to a store that is open', () => {
  const levels = [
    { opening: 'restricted', level: 'RESTRICTED', setting: 'ANYONE_WITH_ID_CAN_READ' },
    { opening: 'follow', level: 'FOLLOW_USER_SETTING', setting: 'RESTRICTED' },
    { opening: 'follow-open', level: 'FOLLOW_USER_SETTING', setting: 'ANYONE_WITH_ID_CAN_READ' },
    { opening: 'with-id', level: 'ANYONE_WITH_ID_CAN_READ', setting: 'RESTRICTED' },
    { opening: 'with-name', level: 'ANYONE_WITH_NAME_CAN_READ', setting: 'RESTRICTED' },
  ] as const
  const [{ operations: all }] = [doors[0] ?? { operations: [] }]
  const reads = all.filter(({ kind, changes }) => !changes && isReadOfStore(kind))
  const writes = all.filter(({ kind, changes }) => changes && kind.startsWith('write'))

  it('is tested with more than ten reads and ten writes', () => {
    expect([...openings.keys()]).toEqual(levels.map(({ opening }) => opening))
    expect(reads.length).toBeGreaterThan(10)
    expect(writes.length).toBeGreaterThan(10)
  })

  it.each(levels)(
    'follows the rules for reading: $opening',
    async ({ opening, level, setting }) => {
      await world.open(level, { setting })
      for (const operation of reads) {
        for (const address of ['id', 'name'] as const) {
          for (const [caller, meanings] of openings.get(opening) ?? []) {
            const answer = await operation.ask(world, world.as(caller), address)
            const title = `${caller}: ${titleOf(operation, address)}`
            expect(answer, title).toBe(operation.spell(meanings[address], address))
          }
        }
      }
    },
  )

  it.each(levels)('is refused to a token for other keys: $opening', async (opened) => {
    await world.open(opened.level, opened)
    const others = reads.filter(({ kind }) => kind === 'read-out')
    expect(others.length).toBeGreaterThan(3)
    for (const operation of others) {
      for (const address of ['id', 'name'] as const) {
        for (const caller of [
          'the prefix read token of the owner',
          'the prefix token of a manager',
        ]) {
          const answer = await operation.ask(world, world.as(caller), address)
          expect(answer, titleOf(operation, address)).toBe(operation.spell('no', address))
        }
      }
    }
  })

  it.each(levels)('gives nobody the right to write: $opening', async (opened) => {
    await world.open(opened.level, opened)
    const before = await world.state()
    for (const operation of writes) {
      for (const address of ['id', 'name'] as const) {
        const nobody = await operation.ask(world, world.as('nobody'), address)
        expect(nobody, titleOf(operation, address)).toBe(operation.spell('asked', address))
        const isSeen = address === 'id' || opened.opening === 'with-name'
        const stranger = await operation.ask(world, world.as('another user'), address)
        const meaning: Meaning = isSeen ? 'no' : 'hidden'
        expect(stranger, titleOf(operation, address)).toBe(operation.spell(meaning, address))
      }
    }
    expect(await world.state()).toEqual(before)
  })
})

describe('a refusal', () => {
  const rows = apifyRows.filter(({ at }) => at.includes(':store'))
  const strangers = ['another user', 'an admin', "the owner's token of another store"]
  const missing = { message: 'Key-value Store was not found', type: 'record-not-found' }
  const denied = {
    message:
      "Insufficient permissions for the key-value store. Make sure you're passing a correct API " +
      'token and that it has the required permissions.',
    type: 'insufficient-permissions',
  }
  const isAnonymous = (caller: string): boolean => world.as(caller).token === undefined

  beforeAll(() => world.restore())

  /** The whole reply to the request of a row, for the world's store or another one. */
  async function reply(
    row: Row,
    caller: string,
    address: Address,
    store?: string,
  ): Promise<unknown> {
    const how = { world, caller: world.as(caller), address, ...(store && { store }) }
    const { path, asked } = requestOf(row, how)
    const { status, headers, text } = await new Remote(server.url()).send(path, asked)
    const { date: _, ...rest } = Object.fromEntries(headers)
    return { status, headers: rest, text }
  }

  it('looks the same for a hidden name as for the name of no store', async () => {
    for (const row of rows) {
      for (const caller of ['nobody', ...strangers]) {
        const hidden = await reply(row, caller, 'name')
        for (const store of ['jane~none', 'jane~a_b', 'nobody~none', 'AAAAAAAAAAAAAAAAA~none']) {
          expect(await reply(row, caller, 'name', store), `${caller}: ${row.at}`).toEqual(hidden)
        }
      }
    }
  })

  it("says whether a store with an id exists, in the API's words", async () => {
    for (const row of rows.filter(({ at }) => !at.startsWith('HEAD'))) {
      for (const caller of strangers) {
        const hidden = { status: 403, text: JSON.stringify({ error: sorted(denied) }) }
        expect(await reply(row, caller, 'id'), row.at).toMatchObject(hidden)
        const none = { status: 404, text: JSON.stringify({ error: sorted(missing) }) }
        expect(await reply(row, caller, 'id', 'AAAAAAAAAAAAAAAAA'), row.at).toMatchObject(none)
      }
    }
  })

  it('tells a caller without a token nothing about the store they want to change', async () => {
    const changing = rows.filter(({ at, kind }) => !isReadOfStore(kind) && !at.startsWith('HEAD'))
    expect(changing.length).toBeGreaterThan(20)
    const [first, ...others] = ['nobody', 'a record link', 'a link with a wrong signature']
    for (const row of changing) {
      const asked = await reply(row, first ?? '', 'id')
      expect(asked, row.at).toMatchObject({ status: 401 })
      for (const store of ['AAAAAAAAAAAAAAAAA', 'no-id', 'jane~none', '~none']) {
        expect(await reply(row, first ?? '', 'id', store), `${row.at} ${store}`).toEqual(asked)
      }
      for (const caller of others.filter(isAnonymous)) {
        expect(await reply(row, caller, 'id'), row.at).toEqual(asked)
      }
    }
  })
})

function meaningsOf({ kind }: Operation): ReadonlyMap<string, Meaning> {
  return columns.get(kind) ?? new Map()
}

/** Whether `world.state()` contains what this caller changes. */
function isWatched(caller: string): boolean {
  return caller === 'the owner' || caller === 'the store token of the owner'
}

function isReadOfStore(kind: string): boolean {
  return kind.startsWith('read-') || kind === 'describe'
}

function sorted({ type, message }: { type: string; message: string }): object {
  return { type, message }
}

function whoOf({ caller, address }: { caller: string; address: Address }): string {
  return address ? `${caller}, by ${address}` : caller
}

function titleOf({ endpoint, variant }: Operation, address?: Address): string {
  return `${endpoint}${variant && ` (${variant})`}${address ? ` by ${address}` : ''}`
}
