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
  /** Null behind the last one. */
  readonly nextAfter: string | null
}

const storePath = '/v2/key-value-stores/:store'
const one = { min: 1, max: 1 }
const text = { type: 'string' } as const
const yes = { yes: { type: 'boolean' } } as const

/** `coatcheck project`: everybody's App Lab projects. A PROJECT is its channel id or its store. */
export const projectCommands: Readonly<Record<string, Command>> = {
  create: {
    usage: 'project create NAME [--user NAME] [--channel ID] [--open on|off]',
    about:
      'makes a project and prints what its pages need: its channel id and its page key.\n' +
      "--user: whose it is; else the first admin's. --channel: an id that pages have already.\n" +
      '--open on: pages need the channel id alone; off: they need the page key, too. Without\n' +
      '--open it is on where a server runs that listens on loopback, and else off',
    flags: { user: text, channel: text, open: text },
    words: one,
    run: createProject,
  },
  link: {
    usage: 'project link STORE',
    about: 'makes a project of a store that is there, with all its records as pairs',
    words: one,
    run: linkProject,
  },
  list: {
    usage: 'project list [--user NAME] [--limit N] [--after PLACE]',
    about:
      "everybody's projects, or those of a user, at most 1,000 or --limit;\n" +
      'where there are more it says which --after shows them',
    flags: { user: text, limit: text, after: text },
    words: { min: 0, max: 0 },
    run: listProjects,
  },
  show: {
    usage: 'project show PROJECT',
    about:
      'its channel id, its page key and what its pages may do. PROJECT is a channel id,\n' +
      'or the store of the project: NAME, USER~NAME or its id',
    words: one,
    run: show,
  },
  update: {
    usage: 'project update PROJECT [--open on|off] [--delete on|off] [--title TEXT]',
    about:
      '--open: whether pages need the channel id alone (on), or the page key, too (off);\n' +
      '--delete: whether pages may delete keys; --title: what people call it',
    flags: { open: text, delete: text, title: text },
    words: one,
    run: updateProject,
  },
  rule: {
    usage: 'project rule PROJECT PRESET KEY|--prefix TEXT',
    about:
      'what pages may do with that key, or with all keys that begin with TEXT. PRESET is\n' +
      '  anything       as without a rule\n' +
      '  read-only      get, and not set or delete\n' +
      '  write-once     set what is not there yet, and never change it\n' +
      '  append-only    make a text or list longer, give an object more members\n' +
      '  only-raise     set a number, and then only one that is as high or higher\n' +
      '  own-keys-only  each user sets and deletes only the keys with their own id in it\n' +
      '  none           takes the rule away',
    flags: { prefix: text },
    words: { min: 2, max: 3 },
    run: setRule,
  },
  'may-list': {
    usage: 'project may-list PROJECT [PREFIX...]',
    about: 'pages may list the keys that begin so; no effect yet, as no route lists keys for pages',
    words: { min: 1, max: Number.POSITIVE_INFINITY },
    run: setListPrefixes,
  },
  'rotate-key': {
    usage: 'project rotate-key PROJECT',
    about: 'makes a new page key and prints it: pages that still have the old one are refused',
    words: one,
    run: rotateKey,
  },
  remove: {
    usage: 'project remove PROJECT [--with-store] [--yes]',
    about:
      'takes its channel id, rules and seed away; the store and all pairs stay,\n' +
      'unless --with-store deletes them, too. It asks first, unless --yes is given',
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
  if (!project.isOpen) screen.note('It is closed: pages need data-key, as here.')
  screen.note(`Pages reach it by ${scriptOf(project, url ?? 'http://HOST')}`)
  if (url === undefined) screen.note('HOST is where your server will be, such as 127.0.0.1:8288.')
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
  if (Object.keys(changes).length === 0) throw new UsageError('It needs something to change.')
  await patch(call, changes)
}

async function setRule(call: CommandCall): Promise<void> {
  const { given } = call
  const preset = presetOf(given.word(1))
  const prefix = given.text('prefix')
  if ((prefix === undefined) === given.wordCount < 3) {
    throw new UsageError('It needs a key or --prefix, and not both.')
  }
  const where = prefix === undefined ? { key: given.word(2) } : { prefix }
  // Alone: somebody else may set another one meanwhile.
  await patch(call, { ruleChanges: [{ ...where, preset: preset === 'none' ? null : preset }] })
}

/** Throws UsageError. */
function presetOf(word: string): PagePreset | 'none' {
  const preset = pagePresets.find((one) => one === word)
  if (preset !== undefined) return preset
  if (word === 'none') return word
  throw new UsageError(`"${word}" is none of ${pagePresets.join(', ')} and none.`)
}

async function setListPrefixes(call: CommandCall): Promise<void> {
  await patch(call, { listPrefixes: call.given.wordsFrom(1) })
  if (call.screen.isJson) return
  call.screen.note('No route lists keys for pages yet: this is kept for when there is one.')
}

async function rotateKey({ given, api, screen }: CommandCall): Promise<void> {
  const { channelId } = await findProject(api, given.word(0))
  const path = pathOf(`${projectPath}/rotate-key`, channelId)
  const project = await api.ask<ProjectData>('POST', path)
  if (screen.isJson) return screen.json(project)
  const name = projectNameOf(project)
  screen.note(`Pages reach ${name} by this page key and no other now`)
  if (project.isOpen) {
    const closing = `coatcheck project update ${name} --open off`
    screen.note(`The project is still open by its channel id: \`${closing}\` closes it.`)
  }
  screen.sentence(project.pageKey)
}

async function removeProject({ given, api, screen }: CommandCall): Promise<void> {
  const project = await findProject(api, given.word(0))
  const name = projectNameOf(project)
  const withStore = given.flag('with-store')
  if (!given.flag('yes')) {
    await api.close() // the folder is let go of while somebody thinks
    const deed = withStore ? 'Deleting all records of' : 'Taking its pages from'
    await confirm(`${deed} ${name} (${project.channelId})`, [project.channelId, name])
  }
  const path = withStore
    ? pathOf(storePath, project.storeId)
    : pathOf(projectPath, project.channelId)
  await api.tell('DELETE', path)
  if (screen.isJson) return screen.json(null)
  const outcome = withStore ? 'was deleted' : 'is no project now; its records stay'
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
