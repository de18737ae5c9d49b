import { actorOf, requireAccount, requireUser, type Use } from '../../../core/access/access.ts'
import { hidingUnseen } from '../../../core/access/seen.ts'
import type { Caller } from '../../../core/identity/caller.ts'
import type { StoreInfo } from '../../../core/identity/identity.ts'
import { type ErrorCode, StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { type Project, type ProjectChanges, projectNotFound } from '../../../core/pages/project.ts'
import type { User } from '../../../core/people/users.ts'
import type { ProjectInfo } from '../../../core/stores/projects.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import { type RestCall, turnOf } from '../../rest/routes.ts'
import { otherUserId, requireOperator } from '../api/search.ts'
import { pageRulesOf, ruleChangesOf } from './page-rules.ts'
import { positionOf, textOfPosition } from './project-position.ts'

const managing: Use = { action: 'manage', extent: 'all' }
const newFields = ['name', 'channelId', 'isOpen', 'user'] as const
const settings = ['title', 'isOpen', 'mayDelete', 'listPrefixes', 'rules', 'ruleChanges'] as const

/**
 * GET /coatcheck/v1/projects: the caller's projects, without their page keys. `after=` continues
 * after a page's `nextAfter`. `user=` lists the projects of another user, or of all users with `*`;
 * it works only on the server's own machine.
 */
export async function listProjects(call: RestCall): Promise<HttpReply> {
  const { id } = requireAccount(call.principal, 'write')
  const ownerId = call.query.text('user') === undefined ? id : await otherUserId(call)
  const limit = call.query.limit()
  if (limit > limits.quickListItemsMax) await turnOf(call)
  const found: ProjectInfo[] = []
  let isTruncated = false
  for await (const info of call.domain.projects.list(ownerId, positionOf(call))) {
    isTruncated = found.length === limit
    if (isTruncated) break
    found.push(info)
  }
  const items = await Promise.all(found.map((info) => projectObject(call, info)))
  const last = isTruncated ? found.at(-1) : undefined
  const nextAfter = last ? textOfPosition(last) : null
  return jsonReply(200, { data: { items, count: items.length, isTruncated, nextAfter } })
}

/**
 * POST /coatcheck/v1/projects, and /applab/projects, `{"name", "channelId", "isOpen"}`: creates a
 * project in a store of its own. `"user"` creates it for another user; this works only on the
 * server's own machine.
 */
export async function createProject(call: RestCall): Promise<HttpReply> {
  const { principal, domain, request } = call
  const user = requireAccount(principal, 'write')
  const fields = new Fields(await readJsonObject(call, { isOptional: false }), newFields)
  const name = fields.requiredText('name')
  if (name.trim() === '') throw invalidField('name must not be empty')
  const channelId = fields.text('channelId')
  const wanted = {
    ownerId: await ownerIdOf(call, { user, wanted: fields.text('user') }),
    name,
    channelId,
    isOpen: fields.flag('isOpen'),
    actor: actorOf(principal, 'coatcheck'),
  }
  const { store } = await domain.projects.create(wanted).catch((error) => {
    // The refusal tells that the channel id exists.
    if (channelId !== undefined && !isOperatorOf(call) && isCode(error, 'project-taken')) {
      domain.projects.countMiss(channelId, user.id)
    }
    throw error
  })
  const info = projectInfo(await store.info())
  const location = `${request.baseUrl}/coatcheck/v1/projects/${info.project.channelId}`
  return jsonReply(201, { data: await secretObject(call, info) }, { Location: location })
}

async function ownerIdOf(
  { principal, domain }: RestCall,
  { user, wanted }: { user: User; wanted: string | undefined },
): Promise<string> {
  if (wanted === undefined || wanted === user.id || wanted === user.username) return user.id
  requireOperator(principal)
  return (await domain.users.find(wanted)).id
}

/** GET /coatcheck/v1/projects/{channel}: the project with its page key. */
export async function getProject(call: RestCall): Promise<HttpReply> {
  const { store } = await findProject(call, managing)
  return projectReply(call, store)
}

/**
 * PATCH /coatcheck/v1/projects/{channel} `{"title", "isOpen", "mayDelete", "listPrefixes",
 * "rules", "ruleChanges"}`: settings that are left out stay as they are.
 */
export async function patchProject(call: RestCall): Promise<HttpReply> {
  const { store, caller } = await findProject(call, managing)
  const fields = new Fields(await readJsonObject(call, { isOptional: false }), settings)
  const title = fields.text('title')
  const projectChanges = changesOf(fields)
  const hasChanges = Object.keys(projectChanges).length > 0
  const changes = {
    ...(title !== undefined && { title }),
    ...(hasChanges && { projectChanges }),
  }
  if (Object.keys(changes).length > 0) await call.domain.stores.update(store.id, changes, caller)
  return projectReply(call, store)
}

/**
 * DELETE /coatcheck/v1/projects/{channel}: the store is no longer a project. The store and its
 * records stay.
 */
export async function removeProject(call: RestCall): Promise<HttpReply> {
  const { store, caller } = await findProject(call, managing)
  await call.domain.projects.unlink(store.id, caller)
  return emptyReply(204)
}

/** POST /coatcheck/v1/projects/{channel}/rotate-key: pages with the old key are refused. */
export async function rotatePageKey(call: RestCall): Promise<HttpReply> {
  const { store, caller } = await findProject(call, managing)
  await call.domain.projects.update(store.id, { rotatesPageKey: true }, caller)
  return projectReply(call, store)
}

/**
 * The store of the channel in the path, and its caller. A project that the caller may not read
 * looks like a missing one, and both count as a guess. Throws `token-missing` (whether the project
 * exists or not), `project-not-found`, `too-many-guesses`, `access-denied`.
 */
export async function findProject(
  { principal, domain, subject: channelId }: RestCall,
  use: Use,
): Promise<{ store: Store; caller: Caller }> {
  const { id: userId } = requireUser(principal)
  const missing = (): StorageError => projectNotFound(channelId)
  const own = domain.access.callerFor(principal, 'coatcheck', use)
  const caller = hidingUnseen(own, principal, missing)
  try {
    const store = await domain.projects.find(channelId, { caller, peer: undefined })
    // `find` may answer from memory: this checks that the store still exists.
    await store.identity()
    return { store, caller }
  } catch (error) {
    if (!isCode(error, 'project-not-found') && !isCode(error, 'store-not-found')) throw error
    // Commands look up every name as a channel id too, and may see all projects.
    if (!isOperatorOf({ principal })) domain.projects.countMiss(channelId, userId)
    throw missing()
  }
}

function isOperatorOf({ principal }: Pick<RestCall, 'principal'>): boolean {
  return principal.kind === 'user' && principal.isOperator
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof StorageError && error.code === code
}

async function projectReply(call: RestCall, store: Store): Promise<HttpReply> {
  return jsonReply(200, { data: await secretObject(call, projectInfo(await store.info())) })
}

function projectInfo(info: StoreInfo): ProjectInfo {
  const { project } = info
  if (!project) throw projectNotFound(info.id)
  return { ...info, project }
}

async function secretObject(call: RestCall, info: ProjectInfo): Promise<object> {
  return { ...(await projectObject(call, info)), pageKey: info.project.pageKey }
}

async function projectObject({ domain }: RestCall, info: ProjectInfo): Promise<object> {
  const { id, name, title, ownerId, project, recordCount, createdAt } = info
  const owner = await domain.users.get(ownerId)
  return {
    channelId: project.channelId,
    storeId: id,
    name,
    title,
    userId: ownerId,
    username: owner?.username ?? null,
    createdAt: new Date(createdAt).toISOString(),
    pairCount: recordCount,
    ...rightsOf(project),
  }
}

function rightsOf({ isOpen, mayDelete, listPrefixes, rules, hasSeed }: Project): object {
  return { isOpen, mayDelete, listPrefixes, rules, hasSeed }
}

function changesOf(fields: Fields): ProjectChanges {
  const isOpen = fields.flag('isOpen')
  const mayDelete = fields.flag('mayDelete')
  const listPrefixes = fields.texts('listPrefixes')
  const rules = pageRulesOf(fields)
  const ruleChanges = ruleChangesOf(fields)
  return {
    ...(isOpen !== undefined && { isOpen }),
    ...(mayDelete !== undefined && { mayDelete }),
    ...(listPrefixes && { listPrefixes }),
    ...(rules && { rules }),
    ...(ruleChanges && { ruleChanges }),
  }
}
