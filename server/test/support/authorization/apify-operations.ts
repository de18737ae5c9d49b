import type { Row } from './operations.ts'
import { inside, outside, type World } from './world.ts'

const stores = '/v2/key-value-stores'
const store = `${stores}/:store`

/** The requests for one record, by path or by `?key=`, inside and outside of the prefixes. */
function recordRows(path: string): Row[] {
  return [
    { key: inside, variant: 'inside', read: 'read-in', write: 'write-in' },
    { key: outside, variant: 'outside', read: 'read-out', write: 'write-out' },
  ].flatMap(({ key, variant, read, write }): Row[] => [
    { at: `GET ${path}`, kind: read, ok: '200', key, variant },
    { at: `HEAD ${path}`, kind: read, ok: '200', key, variant },
    { at: `PUT ${path}`, kind: write, ok: '201', key, variant, body: '"changed"' },
    { at: `POST ${path}`, kind: write, ok: '201', key, variant, body: '"changed"' },
    {
      at: `PATCH ${path}`,
      kind: write,
      ok: '200',
      key,
      variant,
      body: '{"changed":true}',
      headers: { 'Content-Type': 'application/merge-patch+json' },
    },
    { at: `DELETE ${path}`, kind: write, ok: '204', key, variant },
    {
      at: `GET ${path}`,
      kind: write,
      ok: '204',
      key,
      variant: `as a DELETE, ${variant}`,
      query: () => 'method=DELETE',
      changes: true,
    },
  ])
}

const freshName = (world: World): string => `name=${world.fresh()}`

/** All endpoints of the Apify door. */
export const apifyRows: readonly Row[] = [
  { at: `GET ${stores}`, kind: 'token', ok: '200' },
  { at: `HEAD ${stores}`, kind: 'token', ok: '200' },
  { at: `POST ${stores}`, kind: 'create', ok: '201' },
  { at: `POST ${stores}`, kind: 'create', ok: '201', variant: 'named', query: freshName },
  { at: `GET ${store}`, kind: 'describe', ok: '200' },
  { at: `HEAD ${store}`, kind: 'describe', ok: '200' },
  { at: `PUT ${store}`, kind: 'manage', ok: '200', body: { title: 'changed' } },
  { at: `PATCH ${store}`, kind: 'manage', ok: '200', body: { title: 'changed' } },
  { at: `DELETE ${store}`, kind: 'manage', ok: '204' },
  {
    at: `GET ${store}`,
    kind: 'manage',
    ok: '204',
    variant: 'as a DELETE',
    query: () => 'method=delete',
    changes: true,
  },
  { at: `GET ${store}/keys`, kind: 'read-some', ok: '200' },
  {
    at: `GET ${store}/keys`,
    kind: 'read-some',
    ok: '200',
    variant: 'with details',
    query: () => 'details=1',
  },
  { at: `HEAD ${store}/keys`, kind: 'read-some', ok: '200' },
  { at: `GET ${store}/changes`, kind: 'describe', ok: '200' },
  { at: `HEAD ${store}/changes`, kind: 'describe', ok: '200' },
  {
    at: `GET ${store}/changes`,
    kind: 'manage',
    ok: '200',
    variant: 'with names',
    query: () => 'who=1',
  },
  { at: `POST ${store}/clear`, kind: 'write-all', ok: '204' },
  { at: `GET ${store}/access`, kind: 'manage', ok: '200' },
  { at: `HEAD ${store}/access`, kind: 'manage', ok: '200' },
  {
    at: `PATCH ${store}/access`,
    kind: 'open',
    ok: '200',
    body: { generalAccess: 'ANYONE_WITH_ID_CAN_READ' },
  },
  { at: `POST ${store}/signing-secret`, kind: 'manage', ok: '200' },
  { at: `GET ${store}/audit`, kind: 'manage', ok: '200' },
  { at: `HEAD ${store}/audit`, kind: 'manage', ok: '200' },
  deletion({ keys: [inside] }, { kind: 'write-in', variant: 'inside' }),
  deletion({ keys: [inside, outside] }, { kind: 'write-out', variant: 'outside' }),
  deletion({ prefix: '' }, { kind: 'write-some', variant: 'all there are' }),
  ...moveRows(),
  reading('find', { text: 'coat' }, { kind: 'read-some' }),
  reading('archive', { keys: [inside] }, { kind: 'read-some', variant: 'inside' }),
  reading('archive', { keys: [inside, outside] }, { kind: 'read-list', variant: 'outside' }),
  ...recordRows(`${store}/record`),
  { at: `GET ${store}/records`, kind: 'read-some', ok: '200' },
  { at: `HEAD ${store}/records`, kind: 'read-some', ok: '200' },
  ...recordRows(`${store}/records/:key`),
  { at: 'GET /v2/users/me', kind: 'token', ok: '200' },
  { at: 'HEAD /v2/users/me', kind: 'token', ok: '200' },
  { at: 'GET /v2/users/me/limits', kind: 'token', ok: '404 record-not-found' },
  { at: 'HEAD /v2/users/me/limits', kind: 'token', ok: '404' },
  { at: 'GET /v2/users/me/usage/monthly', kind: 'token', ok: '404 record-not-found' },
  { at: 'HEAD /v2/users/me/usage/monthly', kind: 'token', ok: '404' },
  { at: 'GET /v2/users/:user', kind: 'public', ok: '200' },
  { at: 'HEAD /v2/users/:user', kind: 'public', ok: '200' },
]

function deletion(body: object, about: Pick<Row, 'kind'> & { variant: string }): Row {
  return { at: `POST ${store}/delete-records`, ok: '200', body, ...about }
}

/** Moves within the prefixes, and out of them and into them. */
function moveRows(): Row[] {
  const rows = [
    { kind: 'write-in', variant: 'inside', from: inside, to: `${inside}-2` },
    { kind: 'write-out', variant: 'out of the prefix', from: inside, to: `${outside}-2` },
    { kind: 'write-out', variant: 'into the prefix', from: outside, to: `${inside}-2` },
  ]
  return rows.map(({ kind, variant, from, to }) => {
    const body = { from, to, overwrite: true }
    return { at: `POST ${store}/move`, ok: '200', kind, variant, body }
  })
}

/** A request that only reads, although its method is POST. */
function reading(part: string, body: object, about: Pick<Row, 'kind' | 'variant'>): Row {
  return { at: `POST ${store}/${part}`, ok: '200', body, changes: false, ...about }
}
