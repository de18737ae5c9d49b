import { limits } from '../../core/kernel/limits.ts'
import { type PagePreset, pagePresets } from '../../core/pages/project.ts'
import { pathOf } from '../api/local-api.ts'
import {
  findProject,
  type ListedProjectData,
  type ProjectData,
  projectNameOf,
  projectPath,
  projectsPath,
  readProject,
} from '../api/project-address.ts'
import { findStore, type StoreData } from '../api/store-address.ts'
import type { Command, CommandCall, Given } from '../commands/command.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { confirm } from '../terminal/confirm.ts'
import { projectColumns, showProject } from '../views/project-view.ts'
import { projectDataCommands } from './project-data.ts'

interface ListData {
  readonly items: readonly ListedProjectData[]
  /** Null on the last page. */
  readonly nextAfter: string | null
}

const storePath = '/v2/key-value-stores/:store'
const one = { min: 1, max: 1 }
const text = { type: 'string' } as const
const yes = { yes: { type: 'boolean' } } as const

/**
 * `coatcheck project`: manages the App Lab projects of all users. A PROJECT is given by its channel
 * id or by its store.
 */
export const projectCommands: Readonly<Record<string, Command>> = {
  create: {
    usage: 'project create NAME [--user NAME] [--channel ID] [--open on|off]',
    about:
      'creates a project and prints its channel id and its page key, which its pages need.\n' +
      '--user: its owner, else the first admin. --channel: a channel id that pages already use.\n' +
      '--open on: pages need only the channel id; off: they also need the page key. Without\n' +
      '--open it is on if a server runs and listens on loopback, otherwise off',
    flags: { user: text, channel: text, open: text },
    words: one,
    run: createProject,
  },
  link: {
    usage: 'project link STORE',
    about: 'makes a project of an existing store, with all its records as pairs',
    words: one,
    run: linkProject,
  },
  list: {
    usage: 'project list [--user NAME] [--limit N] [--after PLACE]',
    about:
      'lists the projects of all users, or of one, at most 1,000 or --limit.\n' +
      'If there are more, it says which --after shows them',
    flags: { user: text, limit: text, after: text },
    words: { min: 0, max: 0 },
    onlyReads: true,
    run: listProjects,
  },
  show: {
    usage: 'project show PROJECT',
    about:
      'shows its channel id, its page key and what its pages may do. PROJECT is a channel id,\n' +
      'or the store of the project: NAME, USER~NAME or its id',
    words: one,
    onlyReads: true,
    run: show,
  },
  update: {
    usage: 'project update PROJECT [--open on|off] [--delete on|off] [--title TEXT]',
    about:
      '--open: whether pages need only the channel id (on), or also the page key (off);\n' +
      '--delete: whether pages may delete keys; --title: its name for people',
    flags: { open: text, delete: text, title: text },
    words: one,
    run: updateProject,
  },
  rule: {
    usage: 'project rule PROJECT PRESET KEY|--prefix TEXT',
    about:
      'sets what pages may do with KEY, or with all keys that begin with TEXT. PRESET is\n' +
      '  anything       all that pages may do without a rule\n' +
      '  read-only      get, but not set or delete\n' +
      '  write-once     set a key that has no value yet, and never change it\n' +
      '  append-only    make a text or list longer, give an object more members\n' +
      '  only-raise     set a number, and then only the same or a higher one\n' +
      '  own-keys-only  each user sets and deletes only keys that contain their own id\n' +
      '  none           removes the rule',
    flags: { prefix: text },
    words: { min: 2, max: 3 },
    run: setRule,
  },
  'may-list': {
    usage: 'project may-list PROJECT [PREFIX...]',
    about: 'lets pages list and watch the keys that begin with a PREFIX',
    words: { min: 1, max: Number.POSITIVE_INFINITY },
    run: setListPrefixes,
  },
  'rotate-key': {
    usage: 'project rotate-key PROJECT',
    about: 'creates a new page key and prints it; pages that send the old one are refused',
    words: one,
    run: rotateKey,
  },
  remove: {
    usage: 'project remove PROJECT [--with-store] [--yes]',
    about:
      'removes its channel id, rules and seed; the store and all pairs stay,\n' +
      'unless --with-store deletes them too. Asks first, unless --yes is given',
    flags: { 'with-store': { type: 'boolean' }, ...yes },
    words: one,
    run: removeProject,
  },
  ...projectDataCommands,
}

async function createProject({ given, api, screen }: CommandCall): Promise<void> {
  const isOpen = onOrOff(given, 'open')
  const channelId = given.text('channel')
  const body = {
    name: given.word(0),
    user: given.text('user'),
    ...(channelId !== undefined && { channelId }),
    ...(isOpen !== undefined && { isOpen }),
  }
  const project = await api.ask<ProjectData>('POST', projectsPath, { body })
  if (screen.isJson) return screen.json(project)
  showProject(screen, project)
  const url = await api.serverUrl()
  if (!project.isOpen) screen.note('The project is closed: pages need the data-key below.')
  screen.note(`Add this to your pages: ${scriptOf(project, url ?? 'http://HOST')}`)
  if (url === undefined)
    screen.note('Replace HOST with the address of your server, such as 127.0.0.1:8288.')
}

async function linkProject({ given, api, screen }: CommandCall): Promise<void> {
  const store = await findStore(api, given.word(0))
  const body = { project: true }
  const linked = await api.ask<StoreData>('PATCH', pathOf(storePath, store.id), { body })
  const project = await readProject(api, linked.channelId ?? '')
  if (screen.isJson) screen.json(project)
  else showProject(screen, project)
}

async function listProjects({ given, api, screen }: CommandCall): Promise<void> {
  const query = {
    user: given.text('user') ?? '*',
    limit: given.count('limit', limits.pageItemsMax),
    after: given.text('after'),
  }
  const data = await api.ask<ListData>('GET', projectsPath, { query })
  if (screen.isJson) return screen.json(data)
  screen.table(projectColumns, data.items)
  if (data.nextAfter !== null) screen.note(`There are more: --after ${data.nextAfter}`)
}

async function show({ given, api, screen }: CommandCall): Promise<void> {
  const project = await findProject(api, given.word(0))
  if (screen.isJson) screen.json(project)
  else showProject(screen, project)
}

async function updateProject(call: CommandCall): Promise<void> {
  const { given } = call
  const [isOpen, mayDelete] = [onOrOff(given, 'open'), onOrOff(given, 'delete')]
  const title = given.text('title')
  const changes = {
    ...(isOpen !== undefined && { isOpen }),
    ...(mayDelete !== undefined && { mayDelete }),
    ...(title !== undefined && { title }),
  }
  if (Object.keys(changes).length === 0)
    throw new UsageError('Give at least one setting to change.')
  await patch(call, changes)
}

async function setRule(call: CommandCall): Promise<void> {
  const { given } = call
  const preset = presetOf(given.word(1))
  const prefix = given.text('prefix')
  if ((prefix === undefined) === given.wordCount < 3) {
    throw new UsageError('Give either a key or --prefix.')
  }
  const where = prefix === undefined ? { key: given.word(2) } : { prefix }
  // Sends one rule instead of the whole list: others may set another rule meanwhile.
  await patch(call, { ruleChanges: [{ ...where, preset: preset === 'none' ? null : preset }] })
}

/** Throws UsageError. */
function presetOf(word: string): PagePreset | 'none' {
  const preset = pagePresets.find((one) => one === word)
  if (preset !== undefined) return preset
  if (word === 'none') return word
  throw new UsageError(`Unknown preset "${word}". Use one of: ${pagePresets.join(', ')}, none.`)
}

async function setListPrefixes(call: CommandCall): Promise<void> {
  await patch(call, { listPrefixes: call.given.wordsFrom(1) })
}

async function rotateKey({ given, api, screen }: CommandCall): Promise<void> {
  const { channelId } = await findProject(api, given.word(0))
  const path = pathOf(`${projectPath}/rotate-key`, channelId)
  const project = await api.ask<ProjectData>('POST', path)
  if (screen.isJson) return screen.json(project)
  const name = projectNameOf(project)
  screen.note(`This is now the only valid page key of ${name}:`)
  if (project.isOpen) {
    const closing = `coatcheck project update ${name} --open off`
    screen.note(
      `The project is still open: pages need only its channel id. \`${closing}\` closes it.`,
    )
  }
  screen.sentence(project.pageKey)
}

async function removeProject({ given, api, screen }: CommandCall): Promise<void> {
  const project = await findProject(api, given.word(0))
  const name = projectNameOf(project)
  const withStore = given.flag('with-store')
  if (!given.flag('yes')) {
    await api.close() // others can use the folder while the user thinks
    const deed = withStore
      ? 'Deleting all records of'
      : 'Removing the channel id, rules and seed of'
    await confirm(`${deed} ${name} (${project.channelId})`, [project.channelId, name])
  }
  const path = withStore
    ? pathOf(storePath, project.storeId)
    : pathOf(projectPath, project.channelId)
  await api.tell('DELETE', path)
  if (screen.isJson) return screen.json(null)
  const outcome = withStore ? 'was deleted' : 'is no longer a project; its records stay'
  screen.sentence(`The store ${name} ${outcome}.`)
}

async function patch({ given, api, screen }: CommandCall, body: object): Promise<void> {
  const { channelId } = await findProject(api, given.word(0))
  const changed = await api.ask<ProjectData>('PATCH', pathOf(projectPath, channelId), { body })
  if (screen.isJson) screen.json(changed)
  else showProject(screen, changed)
}

function onOrOff(given: Given, name: string): boolean | undefined {
  const word = given.text(name)
  if (word === undefined) return undefined
  if (word === 'on' || word === 'off') return word === 'on'
  throw new UsageError(`--${name} is "${word}", which is neither on nor off.`)
}

function scriptOf({ channelId, pageKey }: ProjectData, url: string): string {
  const attributes = `data-channel="${channelId}" data-key="${pageKey}"`
  return `<script src="${url}/applab.js" ${attributes}></script>`
}
