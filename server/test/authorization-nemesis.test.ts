import { beforeAll, describe, expect, it } from 'vitest'
import { commands, newCommands } from '../src/protocols/nemesis/commands/commands.ts'
import {
  accountRows,
  answersTo,
  askNemesis,
  dumpName,
  type NemesisRow,
  sessionName,
  sessionRows,
  sessionToken,
  storelessRows,
} from './support/authorization/nemesis-operations.ts'
import { nemesisColumns } from './support/authorization/nemesis-rules.ts'
import { callerNames, inside, outside, World } from './support/authorization/world.ts'
import { Remote } from './support/network/remote.ts'
import { useTestServer } from './support/network/test-server.ts'

/** A handshake takes tokens only, so the callers with signed links are left out. */
const callers = callerNames.filter((name) => !name.includes('link'))
const owners = ['the owner', 'the store token of the owner', 'the write token of the owner']

/** A server that speaks one family of versions, with the owner's store: a session with a name. */
function useWardrobe(nemesisCompat: '0.4' | '0.9') {
  const server = useTestServer({ nemesisPort: 0, nemesisCompat })
  let made: World | undefined
  const world = (): World => {
    if (!made) throw new Error('The world does not exist yet.')
    return made
  }
  const jane = (path: string, asked: { method?: string; json?: object } = {}) =>
    new Remote(server.url()).do(path, { ...asked, token: world().tokenOf('jane') })
  const send = (token: string, message: string) =>
    answersTo(server.nemesisUrl(), { token }, message)

  const isSession = async (): Promise<boolean> => {
    const { data } = await jane('/coatcheck/v1/sessions')
    return data.items.some(({ storeId, isShared }: { storeId: string; isShared: boolean }) => {
      return isShared && storeId === world().wardrobe.id
    })
  }

  beforeAll(async () => {
    made = await World.create({ url: server.url(), token: server.token() }, async (making) => {
      const remote = new Remote(server.url())
      const token = making.tokenOf('jane')
      const message = `{"SH_NEW":{"name":"${sessionName}","shared":true}}`
      expect(await send(token, message)).toEqual([expect.stringContaining('"st":1,')])
      const { data } = await remote.do('/coatcheck/v1/sessions', { token })
      const found = data.items.find(({ isShared }: { isShared: boolean }) => isShared)
      const asked = { method: 'PATCH', token, json: { name: 'nemesis' } }
      await remote.do(`/v2/key-value-stores/${found.storeId}`, asked)
      return 'nemesis'
    })
    const token = world().tokenOf('jane')
    const save = nemesisCompat === '0.4' ? 'SH_SAVE' : 'KV_SAVE'
    const saved = await send(token, `{"${save}":{"name":"${dumpName}"}}`)
    expect(saved.at(-1)).toContain('"duration"')
  })

  return {
    world,
    server,
    ask: (caller: string, row: NemesisRow, session?: string): Promise<string> =>
      askNemesis(server.nemesisUrl(), world().as(caller), { ...row, session }),
    restore: async (): Promise<void> => {
      const path = `/v2/key-value-stores/${world().wardrobe.id}`
      // `world.restore` would give an ended session another token. A new store with a new shared
      // session has the same token again, which the rules are about.
      if (await isSession()) await jane(`${path}/clear`, { method: 'POST' })
      else await jane(path, { method: 'DELETE' })
      await world().restore()
    },
    /** All that the owner may change. */
    state: async (): Promise<unknown> => {
      const path = `/v2/key-value-stores/${world().wardrobe.id}`
      const { data: sessions } = await jane('/coatcheck/v1/sessions')
      const { data: keys } = await jane(`${path}/keys`)
      const records = []
      for (const { key } of keys.items) records.push(await jane(`${path}/records/${key}`))
      return { sessions, keys: keys.items, records }
    },
  }
}

type Wardrobe = ReturnType<typeof useWardrobe>

/** Checks each caller's answer against the rules: a refusal changes nothing of the owner's. */
async function holdAgainstRules(
  { ask, restore, state }: Wardrobe,
  { row, session }: { row: NemesisRow; session?: string | undefined },
): Promise<void> {
  const column = nemesisColumns.get(row.kind) ?? new Map<string, string>()
  const answers = new Map<string, string>()
  /** Whether the caller is allowed to change the owner's data. */
  const isChanger = (caller: string): boolean => {
    const isOwner = caller.includes('of the owner') || caller === 'the owner'
    return column.get(caller) === 'ok' && row.changes === true && isOwner
  }
  await restore()
  const before = await state()
  for (const caller of callers.filter((one) => !isChanger(one))) {
    answers.set(caller, await ask(caller, row, session))
  }
  expect(await state(), 'after all who may not change it').toEqual(before)
  let latest = before
  for (const caller of callers.filter(isChanger)) {
    answers.set(caller, await ask(caller, row, session))
    // If `state` missed this change, the test would also miss a refusal that changes data.
    expect(await state(), `after ${caller}`).not.toEqual(latest)
    await restore()
    latest = await state()
  }
  expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(column))
}

const titled = (rows: readonly NemesisRow[]) =>
  rows.map((row) => ({ title: `${row.command} ${row.variant ?? ''}`.trim(), row }))

describe('the list of operations of the NemesisDB door', () => {
  const named = (rows: readonly NemesisRow[]): string[] => [
    ...new Set(rows.map(({ command }) => command)),
  ]

  it('names exactly its commands, so that a new command needs a rule', () => {
    const listed = named([...sessionRows, ...accountRows])
    expect(commands.size).toBeGreaterThan(20)
    expect([...commands.keys()].filter((command) => !listed.includes(command))).toEqual([])
    expect(listed.filter((command) => !commands.has(command))).toEqual([])
  })

  it("names 0.9's commands without a session too", () => {
    const listed = named(storelessRows)
    expect(newCommands.size).toBeGreaterThan(10)
    expect([...newCommands.keys()].filter((command) => !listed.includes(command))).toEqual([])
    expect(listed.filter((command) => !newCommands.has(command))).toEqual([])
  })

  it('has rules for every caller and every kind of command', () => {
    const rows = [...sessionRows, ...accountRows, ...storelessRows]
    expect([...nemesisColumns.keys()].sort()).toEqual(
      [...new Set(rows.map(({ kind }) => kind))].sort(),
    )
    for (const [kind, column] of nemesisColumns) expect([...column.keys()], kind).toEqual(callers)
  })
})

describe('who may do what through the NemesisDB door', () => {
  const wardrobe = useWardrobe('0.4')

  it.each(titled(sessionRows))("follows the rules, with the owner's session: $title", ({ row }) =>
    holdAgainstRules(wardrobe, { row, session: sessionToken }),
  )

  it.each(titled(accountRows))(
    "follows the rules, with the caller's own sessions: $title",
    ({ row }) => holdAgainstRules(wardrobe, { row }),
  )

  it.each(titled(sessionRows))(
    'allows a client without a token everything on data of the first user: $title',
    async ({ row }) => {
      const { server, ask } = wardrobe
      const url = server.nemesisUrl()
      const [opened = ''] = await answersTo(url, { token: server.token() }, newSession)
      const session = /"tkn":(\d+)/.exec(opened)?.[1]
      const keys = `{"KV_SET":{"tkn":${session},"keys":{"${inside}":1,"${outside}":1}}}`
      await answersTo(url, { token: server.token() }, keys)
      expect(await ask('nobody', row, session)).toBe('ok')
    },
  )

  it('shows a token only the keys of its scope', async () => {
    const { world, restore, server } = wardrobe
    await restore()
    for (const caller of ['the prefix read token of the owner', ...owners]) {
      const keys = caller.includes('prefix') ? [inside] : [inside, outside]
      for (const parameters of ['', ',"path":"$","rsp":"keys"']) {
        const command = parameters ? 'KV_FIND' : 'KV_KEYS'
        const message = `{"${command}":{"tkn":${sessionToken}${parameters}}}`
        const [answer = ''] = await answersTo(server.nemesisUrl(), world().as(caller), message)
        expect(JSON.parse(answer)[`${command}_RSP`].keys, caller).toEqual(keys)
      }
    }
  })
})

const newSession = '{"SH_NEW":{"name":"own"}}'

describe("who may do what with NemesisDB 0.9's commands", () => {
  const wardrobe = useWardrobe('0.9')

  it.each(titled(storelessRows))('follows the rules, without a session: $title', ({ row }) =>
    holdAgainstRules(wardrobe, { row }),
  )
})
