import type { Route } from '../rest/routes.ts'
import type { PageCall } from './page/call.ts'
import { getChanges } from './values/changes.ts'
import {
  clearAllData,
  getKeyValues,
  listKeyValues,
  populateKeyValues,
  projectHasData,
} from './values/pairs.ts'
import { updateKeyValue } from './values/updates.ts'
import { deleteKeyValue, getKeyValue, getUserId, setKeyValue } from './values/values.ts'

/** The prefix of all paths of this API. */
export const applabPrefix = '/datablock_storage/'

/** The script that defines App Lab's functions for the page that loads it. */
export const pageScriptPath = '/applab.js'

const project = '/datablock_storage/:channel'

/** Key/value data of App Lab projects, as code.org's pages ask for it. */
export const routes: readonly Route<PageCall>[] = [
  { path: `${project}/set_key_value`, methods: { POST: setKeyValue } },
  { path: `${project}/update_key_value`, methods: { POST: updateKeyValue } },
  { path: `${project}/get_key_value`, methods: { GET: getKeyValue } },
  { path: `${project}/delete_key_value`, methods: { DELETE: deleteKeyValue } },
  { path: `${project}/get_key_values`, methods: { GET: getKeyValues } },
  { path: `${project}/list_key_values`, methods: { GET: listKeyValues } },
  { path: `${project}/changes`, methods: { GET: getChanges } },
  { path: `${project}/populate_key_values`, methods: { PUT: populateKeyValues } },
  { path: `${project}/project_has_data`, methods: { GET: projectHasData } },
  { path: `${project}/clear_all_data`, methods: { DELETE: clearAllData } },
  { path: `${project}/user_id`, methods: { GET: getUserId } },
]
