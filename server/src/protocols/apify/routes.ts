import { getMe, getNoAccount, getUser } from './account/users.ts'
import { type ApifyRoute, defaultRateLimit } from './call/call.ts'
import { findRecords } from './find/find.ts'
import { withAnyKey } from './records/any-key.ts'
import { getArchive, postArchive } from './records/archive.ts'
import { getChanges } from './records/changes.ts'
import { deleteRecords } from './records/delete-records.ts'
import { listKeys } from './records/keys.ts'
import { moveRecord } from './records/move.ts'
import { deleteRecord, getRecord, headRecord, putRecord } from './records/records.ts'
import { patchRecord } from './records/updates.ts'
import { getAccess, getStoreAudit, patchAccess, resetSigningSecret } from './stores/access.ts'
import { clearStore, patchStore } from './stores/store-settings.ts'
import { createStore, deleteStore, getStore, listStores, updateStore } from './stores/stores.ts'

// The rate limits that Apify documents: for a resource, and for its records.
const rateLimit = defaultRateLimit
const recordRateLimit = '200'

/** Every endpoint of this door. */
export const routes: readonly ApifyRoute[] = [
  {
    path: '/v2/key-value-stores',
    rateLimit,
    methods: { GET: listStores, POST: createStore },
  },
  {
    path: '/v2/key-value-stores/:store',
    rateLimit,
    methods: { GET: getStore, PUT: updateStore, PATCH: patchStore, DELETE: deleteStore },
  },
  {
    path: '/v2/key-value-stores/:store/keys',
    rateLimit,
    methods: { GET: listKeys },
  },
  {
    path: '/v2/key-value-stores/:store/changes',
    rateLimit,
    methods: { GET: getChanges },
  },
  {
    path: '/v2/key-value-stores/:store/clear',
    rateLimit,
    methods: { POST: clearStore },
  },
  {
    path: '/v2/key-value-stores/:store/access',
    rateLimit,
    methods: { GET: getAccess, PATCH: patchAccess },
  },
  {
    path: '/v2/key-value-stores/:store/signing-secret',
    rateLimit,
    methods: { POST: resetSigningSecret },
  },
  {
    path: '/v2/key-value-stores/:store/audit',
    rateLimit,
    methods: { GET: getStoreAudit },
  },
  {
    path: '/v2/key-value-stores/:store/delete-records',
    rateLimit,
    methods: { POST: deleteRecords },
  },
  {
    path: '/v2/key-value-stores/:store/find',
    rateLimit,
    methods: { POST: findRecords },
  },
  {
    path: '/v2/key-value-stores/:store/move',
    rateLimit,
    methods: { POST: moveRecord },
  },
  {
    path: '/v2/key-value-stores/:store/archive',
    rateLimit,
    methods: { POST: postArchive },
  },
  {
    path: '/v2/key-value-stores/:store/record',
    rateLimit: recordRateLimit,
    methods: {
      GET: withAnyKey(getRecord),
      HEAD: withAnyKey(headRecord),
      PUT: withAnyKey(putRecord),
      POST: withAnyKey(putRecord),
      PATCH: withAnyKey(patchRecord),
      DELETE: withAnyKey(deleteRecord),
    },
  },
  {
    path: '/v2/key-value-stores/:store/records',
    rateLimit,
    methods: { GET: getArchive },
  },
  {
    path: '/v2/key-value-stores/:store/records/:key',
    rateLimit: recordRateLimit,
    methods: {
      GET: getRecord,
      HEAD: headRecord,
      PUT: putRecord,
      POST: putRecord,
      PATCH: patchRecord,
      DELETE: deleteRecord,
    },
  },
  {
    path: '/v2/users/me',
    rateLimit,
    methods: { GET: getMe },
  },
  {
    path: '/v2/users/me/limits',
    rateLimit,
    methods: { GET: getNoAccount },
  },
  {
    path: '/v2/users/me/usage/monthly',
    rateLimit,
    methods: { GET: getNoAccount },
  },
  {
    path: '/v2/users/:user',
    rateLimit,
    methods: { GET: getUser },
  },
]
