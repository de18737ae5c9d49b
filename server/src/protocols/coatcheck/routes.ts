import type { RestCall, Route } from '../rest/routes.ts'
import { getAudit } from './api/audit.ts'
import { confirmClock, getClock } from './api/clock.ts'
import { getMe, patchMe } from './api/me.ts'
import { search } from './api/search.ts'
import { endSession, listSessions } from './api/sessions.ts'
import { listStores } from './api/stores.ts'
import { createToken, getToken, listTokens, revokeToken } from './api/tokens.ts'
import { createUser, getUser, listUsers, patchUser } from './api/users.ts'
import {
  exportPairs,
  getSeed,
  importPairs,
  putSeed,
  removeSeed,
  resetToSeed,
} from './projects/project-data.ts'
import {
  createProject,
  getProject,
  listProjects,
  patchProject,
  removeProject,
  rotatePageKey,
} from './projects/projects.ts'

/** Another path for creating a project. */
export const newProjectPath = '/applab/projects'

const projects = '/coatcheck/v1/projects'

/** Every endpoint of this API. */
export const routes: readonly Route<RestCall>[] = [
  { path: '/coatcheck/v1/me', methods: { GET: getMe, PATCH: patchMe } },
  { path: '/coatcheck/v1/users', methods: { GET: listUsers, POST: createUser } },
  { path: '/coatcheck/v1/users/:user', methods: { GET: getUser, PATCH: patchUser } },
  { path: '/coatcheck/v1/tokens', methods: { GET: listTokens, POST: createToken } },
  { path: '/coatcheck/v1/tokens/:token', methods: { GET: getToken, DELETE: revokeToken } },
  { path: '/coatcheck/v1/sessions', methods: { GET: listSessions } },
  { path: '/coatcheck/v1/sessions/:store', methods: { DELETE: endSession } },
  { path: '/coatcheck/v1/stores', methods: { GET: listStores } },
  { path: projects, methods: { GET: listProjects, POST: createProject } },
  { path: newProjectPath, methods: { POST: createProject } },
  {
    path: `${projects}/:channel`,
    methods: { GET: getProject, PATCH: patchProject, DELETE: removeProject },
  },
  { path: `${projects}/:channel/rotate-key`, methods: { POST: rotatePageKey } },
  {
    path: `${projects}/:channel/seed`,
    methods: { GET: getSeed, PUT: putSeed, DELETE: removeSeed },
  },
  { path: `${projects}/:channel/reset`, methods: { POST: resetToSeed } },
  { path: `${projects}/:channel/export`, methods: { GET: exportPairs } },
  { path: `${projects}/:channel/import`, methods: { POST: importPairs } },
  { path: '/coatcheck/v1/search', methods: { GET: search } },
  { path: '/coatcheck/v1/audit', methods: { GET: getAudit } },
  { path: '/coatcheck/v1/clock', methods: { GET: getClock } },
  { path: '/coatcheck/v1/clock/confirm', methods: { POST: confirmClock } },
]
