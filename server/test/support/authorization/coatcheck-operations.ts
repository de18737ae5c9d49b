import type { Row } from './operations.ts'

const root = '/coatcheck/v1'

/** Each endpoint of Coatcheck's own API by its name. */
export const coatcheckRows: readonly Row[] = [
  { at: `GET ${root}/me`, kind: 'token', ok: '200' },
  { at: `HEAD ${root}/me`, kind: 'token', ok: '200' },
  {
    at: `PATCH ${root}/me`,
    kind: 'account',
    ok: '200',
    body: { generalAccess: 'ANYONE_WITH_ID_CAN_READ' },
  },
  { at: `GET ${root}/users`, kind: 'admin', ok: '200' },
  { at: `HEAD ${root}/users`, kind: 'admin', ok: '200' },
  {
    at: `POST ${root}/users`,
    kind: 'admin',
    ok: '201',
    body: (world) => ({ username: world.fresh() }),
  },
  { at: `GET ${root}/users/:user`, kind: 'admin', ok: '200' },
  { at: `HEAD ${root}/users/:user`, kind: 'admin', ok: '200' },
  { at: `PATCH ${root}/users/:user`, kind: 'admin', ok: '200', body: { isAdmin: true } },
  { at: `GET ${root}/tokens`, kind: 'account', ok: '200' },
  { at: `HEAD ${root}/tokens`, kind: 'account', ok: '200' },
  {
    at: `GET ${root}/tokens`,
    kind: 'admin',
    ok: '200',
    variant: 'of another user',
    query: () => 'user=target',
  },
  { at: `POST ${root}/tokens`, kind: 'account', ok: '201', body: { name: 'made' } },
  {
    at: `POST ${root}/tokens`,
    kind: 'admin',
    ok: '201',
    variant: 'for another user',
    body: { user: 'target' },
  },
  { at: `GET ${root}/tokens/:token`, kind: 'owned', ok: '200' },
  { at: `HEAD ${root}/tokens/:token`, kind: 'owned', ok: '200' },
  { at: `DELETE ${root}/tokens/:token`, kind: 'owned', ok: '204' },
  { at: `GET ${root}/sessions`, kind: 'create', ok: '200' },
  { at: `HEAD ${root}/sessions`, kind: 'create', ok: '200' },
  { at: `DELETE ${root}/sessions/:store`, kind: 'manage', ok: '204', onlyById: true },
  { at: `GET ${root}/search`, kind: 'token', ok: '200' },
  { at: `HEAD ${root}/search`, kind: 'token', ok: '200' },
  { at: `GET ${root}/audit`, kind: 'account', ok: '200' },
  { at: `HEAD ${root}/audit`, kind: 'account', ok: '200' },
  {
    at: `GET ${root}/audit`,
    kind: 'admin',
    ok: '200',
    variant: 'of another user',
    query: () => 'user=target',
  },
]
