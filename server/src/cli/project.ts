import { limits } from '../core/limits.ts'
import { type PagePreset, pagePresets } from '../core/project.ts'
import type { Command, CommandCall, Given } from './command.ts'
import { UsageError } from './command-errors.ts'
import { confirm } from './confirm.ts'
import { pathOf } from './local-api.ts'
import {
  findProject,
  type ListedProjectData,
  type ProjectData,
  projectNameOf,
  projectPath,
  projectsPath,
  readProject,
} from './project-address.ts'
import { projectDataCommands } from './project-data.ts'
import { projectColumns, showProject } from './project-view.ts'
import { findStore, type StoreData } from './store-address.ts'

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
    about: 'a new project in a store of its own; --channel gives it an id that pages know already',
    flags: { user: text, channel: text, open: text },
    words: one,
    run: createProject,
  },
  link: {
    usage: 'project link STORE',
    about: 'makes a project of a store that is there',
    words: one,
    run: linkProject,
  },
  list: {
    usage: 'project list [--user NAME] [--limit N] [--after PLACE]',
    about: "everybody's projects, or a user's; --after goes on where the list before said",
    flags: { user: text, limit: text, after: text },
    words: { min: 0, max: 0 },
    run: listProjects,
  },
  show: {
    usage: 'project show PROJECT',
    about: 'its channel id, the key of its pages, and what these may do',
    words: one,
    run: show,
  },
  update: {
    usage: 'project update PROJECT [--open on|off] [--delete on|off] [--title TEXT]',
    about: 'whether the channel id alone opens it, whether pages may delete keys, and its title',
    flags: { open: text, delete: text, title: text },
    words: one,
    run: updateProject,
  },
  rule: {
    usage: `project rule PROJECT ${pagePresets.join('|')}|none KEY|--prefix TEXT`,
    about: 'what pages may do with a key, or with those that begin so; none takes a rule away',
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
    about: 'prints a new page key: pages that have the old one have none',
    words: one,
    run: rotateKey,
  },
  remove: {
    usage: 'project remove PROJECT [--with-store] [--yes]',
    about: 'its channel id, rules and seed go; its store stays unless --with-store is given',
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
  screen.note(`Pages reach ${projectNameOf(project)} by this page key and no other now`)
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
