import { pathOf } from '../api/local-api.ts'
import { addressOf, findStore, type StoreData } from '../api/store-address.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { confirm } from '../terminal/confirm.ts'
import { showTrail, type TrailData, trailFlags, trailQueryOf } from '../views/events.ts'
import {
  type AccessData,
  type FoundStoreData,
  showStore,
  storeColumns,
} from '../views/store-view.ts'
import type { Command, CommandCall } from './command.ts'

interface SearchData {
  readonly items: readonly FoundStoreData[]
  readonly isTruncated: boolean
}

interface LinkedData extends StoreData {
  readonly sessionToken: string
}

const storePath = '/v2/key-value-stores/:store'
const searchPath = '/coatcheck/v1/search'
const rights = ['read', 'write', 'manage', 'none']

/** Short words for the levels of general access. The API's own words work too. */
const levels: Readonly<Record<string, string>> = {
  restricted: 'RESTRICTED',
  id: 'ANYONE_WITH_ID_CAN_READ',
  name: 'ANYONE_WITH_NAME_CAN_READ',
  follow: 'FOLLOW_USER_SETTING',
}

const one = { min: 1, max: 1 }
const yes = { yes: { type: 'boolean' } } as const

/** `coatcheck store`: manages the stores of all users. */
export const storeCommands: Readonly<Record<string, Command>> = {
  list: {
    usage: 'store list [TEXT] [--user NAME]',
    about: 'lists stores whose name or title contains TEXT, or whose id begins with TEXT',
    flags: { user: { type: 'string' } },
    words: { min: 0, max: 1 },
    onlyReads: true,
    run: listStores,
  },
  show: {
    usage: 'store show STORE',
    about: 'shows the properties of a store, and who may do what with it',
    words: one,
    onlyReads: true,
    run: show,
  },
  rename: {
    usage: 'store rename STORE NAME|--unname',
    about: 'gives a store another name, or removes its name: a store without a name expires',
    flags: { unname: { type: 'boolean' } },
    words: { min: 1, max: 2 },
    run: renameStore,
  },
  share: {
    usage: 'store share STORE USER read|write|manage|none',
    about: 'sets what another user may do with a store',
    words: { min: 3, max: 3 },
    run: shareStore,
  },
  access: {
    usage: 'store access STORE restricted|id|name|follow',
    about:
      'sets who may read a store that is not shared with them:\n' +
      '  restricted  nobody\n' +
      '  id          whoever knows the id\n' +
      '  name        whoever knows the id or the name\n' +
      "  follow      as the owner's setting says",
    words: { min: 2, max: 2 },
    run: setAccess,
  },
  link: {
    usage: 'store link STORE',
    about: "gives a store a session token for NemesisDB's clients, and prints it",
    words: one,
    run: linkStore,
  },
  unlink: {
    usage: 'store unlink STORE',
    about: 'removes the session token of a store; the records stay',
    words: one,
    run: unlinkStore,
  },
  'reset-links': {
    usage: 'store reset-links STORE',
    about: 'makes all signed links of a store invalid',
    words: one,
    run: resetLinks,
  },
  clear: {
    usage: 'store clear STORE [--yes]',
    about: 'deletes all records of a store',
    flags: yes,
    words: one,
    run: clearStore,
  },
  delete: {
    usage: 'store delete STORE [--yes]',
    about: 'deletes a store and all its records',
    flags: yes,
    words: one,
    run: deleteStore,
  },
  'delete-keys': {
    usage: 'store delete-keys STORE KEY...|--prefix TEXT [--yes]',
    about: 'deletes the records with these keys, or all records whose keys begin with TEXT',
    flags: { prefix: { type: 'string' }, ...yes },
    words: { min: 1, max: Number.POSITIVE_INFINITY },
    run: deleteKeys,
  },
  history: {
    usage: 'store history STORE [--limit N] [--before REVISION]',
    about: 'shows what happened to a store and its records, and who did it',
    flags: trailFlags,
    words: one,
    onlyReads: true,
    run: showHistory,
  },
}

async function listStores({ given, api, screen }: CommandCall): Promise<void> {
  const query = { user: given.text('user') ?? '*', q: given.word(0) }
  const data = await api.ask<SearchData>('GET', searchPath, { query })
  if (screen.isJson) return screen.json(data)
  screen.table(storeColumns, data.items)
  if (data.isTruncated) screen.note('There are more stores: add a part of the name.')
}

async function show({ given, api, screen }: CommandCall): Promise<void> {
  const store = await findStore(api, given.word(0))
  if (screen.isJson) return screen.json(store)
  const access = await api.ask<AccessData>('GET', pathOf(`${storePath}/access`, store.id))
  const query = { user: '*', q: store.id }
  const { items } = await api.ask<SearchData>('GET', searchPath, { query })
  showStore(screen, { store, access, recordCount: items[0]?.recordCount })
}

async function renameStore({ given, api, screen }: CommandCall): Promise<void> {
  if (given.flag('unname') === given.wordCount > 1) {
    throw new UsageError('Give either a name or --unname.')
  }
  const store = await findStore(api, given.word(0))
  const body = { name: given.flag('unname') ? null : given.word(1) }
  const renamed = await api.ask<StoreData>('PATCH', pathOf(storePath, store.id), { body })
  if (screen.isJson) return screen.json(renamed)
  screen.sentence(`The store ${addressOf(store)} is ${addressOf(renamed)} now.`)
}

async function shareStore(call: CommandCall): Promise<void> {
  const [user, right] = [call.given.word(1), call.given.word(2)]
  if (!rights.includes(right)) {
    throw new UsageError(`Unknown permission "${right}". Use one of: ${rights.join(', ')}.`)
  }
  const shares = { [user]: right === 'none' ? null : right }
  const may = right === 'none' ? 'is no longer shared' : `is now shared (${right})`
  await changeAccess(call, { shares }, `${may} with ${user}`)
}

async function setAccess(call: CommandCall): Promise<void> {
  const word = call.given.word(1)
  const generalAccess = Object.values(levels).find((level) => level === (levels[word] ?? word))
  if (generalAccess === undefined) {
    throw new UsageError(
      `Unknown access level "${word}". Use one of: ${Object.keys(levels).join(', ')}.`,
    )
  }
  await changeAccess(call, { generalAccess }, `now has the general access ${generalAccess}`)
}

async function linkStore({ given, api, screen }: CommandCall): Promise<void> {
  const store = await findStore(api, given.word(0))
  const body = { session: true }
  const linked = await api.ask<LinkedData>('PATCH', pathOf(storePath, store.id), { body })
  if (screen.isJson) return screen.json(linked)
  screen.note(`NemesisDB's clients open ${addressOf(store)} with this session token:`)
  screen.sentence(linked.sessionToken)
}

async function unlinkStore({ given, api, screen }: CommandCall): Promise<void> {
  const store = await findStore(api, given.word(0))
  const body = { session: false }
  const unlinked = await api.ask<StoreData>('PATCH', pathOf(storePath, store.id), { body })
  if (screen.isJson) return screen.json(unlinked)
  screen.sentence(`The store ${addressOf(store)} has no session token now.`)
}

async function changeAccess(
  { given, api, screen }: CommandCall,
  body: object,
  outcome: string,
): Promise<void> {
  const store = await findStore(api, given.word(0))
  const access = await api.ask<AccessData>('PATCH', pathOf(`${storePath}/access`, store.id), {
    body,
  })
  if (screen.isJson) screen.json(access)
  else screen.sentence(`The store ${addressOf(store)} ${outcome}.`)
}

async function resetLinks({ given, api, screen }: CommandCall): Promise<void> {
  const store = await findStore(api, given.word(0))
  const path = pathOf(`${storePath}/signing-secret`, store.id)
  const reset = await api.ask<StoreData>('POST', path)
  if (screen.isJson) screen.json(reset)
  else screen.sentence(`All signed links of the store ${addressOf(store)} are now invalid.`)
}

async function clearStore(call: CommandCall): Promise<void> {
  const store = await findConfirmed(call, 'Clearing')
  await call.api.tell('POST', pathOf(`${storePath}/clear`, store.id))
  if (call.screen.isJson) call.screen.json(null)
  else call.screen.sentence(`The store ${addressOf(store)} was cleared.`)
}

async function deleteStore(call: CommandCall): Promise<void> {
  const store = await findConfirmed(call, 'Deleting')
  await call.api.tell('DELETE', pathOf(storePath, store.id))
  if (call.screen.isJson) call.screen.json(null)
  else call.screen.sentence(`The store ${addressOf(store)} was deleted.`)
}

async function deleteKeys(call: CommandCall): Promise<void> {
  const { given, api, screen } = call
  const keys = given.wordsFrom(1)
  const prefix = given.text('prefix')
  if ((prefix === undefined) === (keys.length === 0)) {
    throw new UsageError('Give either keys or --prefix.')
  }
  const store = await findConfirmed(call, 'Deleting records of')
  const body = prefix === undefined ? { keys: keys.map(spelled) } : { prefix: spelled(prefix) }
  const path = pathOf(`${storePath}/delete-records`, store.id)
  const data = await api.ask<{ deletedCount: number }>('POST', path, { body })
  if (screen.isJson) screen.json(data)
  else screen.sentence(`Deleted records of ${addressOf(store)}: ${data.deletedCount}`)
}

async function showHistory({ given, api, screen }: CommandCall): Promise<void> {
  const query = trailQueryOf(given)
  const store = await findStore(api, given.word(0))
  const path = pathOf(`${storePath}/audit`, store.id)
  showTrail(screen, await api.ask<TrailData>('GET', path, { query }))
}

/**
 * Finds the store and asks the user to confirm. The folder is closed meanwhile, for others to use.
 */
async function findConfirmed({ given, api }: CommandCall, deed: string): Promise<StoreData> {
  const store = await findStore(api, given.word(0))
  if (given.flag('yes')) return store
  await api.close()
  const names = [store.id, addressOf(store), ...(store.name === null ? [] : [store.name])]
  await confirm(`${deed} ${addressOf(store)} (${store.id})`, names)
  return store
}

/** Escapes percent signs: the API reads one as the start of an escaped byte. */
function spelled(key: string): string {
  return key.replaceAll('%', '%25')
}
