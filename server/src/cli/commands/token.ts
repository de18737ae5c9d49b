import { pathOf } from '../api/local-api.ts'
import { findStore } from '../api/store-address.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { textCell, timeCell } from '../terminal/readable.ts'
import type { Column } from '../terminal/screen.ts'
import type { Command, CommandCall } from './command.ts'

/** A token, as the API describes it. */
interface TokenData {
  readonly id: string
  readonly name: string
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly lastUsedAt?: string | null
  readonly scope: {
    readonly action: string
    readonly storeId: string | null
    readonly keyPrefix: string | null
  }
}

interface NewTokenData extends TokenData {
  readonly token: string
}

const tokensPath = '/coatcheck/v1/tokens'
const actions = ['read', 'write', 'manage']

const columns: readonly Column<TokenData>[] = [
  { title: 'ID', cellOf: ({ id }) => textCell(id) },
  { title: 'NAME', cellOf: ({ name }) => textCell(name) },
  { title: 'MAY', cellOf: ({ scope }) => textCell(scope.action) },
  { title: 'STORE', cellOf: ({ scope }) => textCell(scope.storeId ?? 'all') },
  { title: 'PREFIX', cellOf: ({ scope }) => textCell(scope.keyPrefix) },
  { title: 'EXPIRES', cellOf: ({ expiresAt }) => timeCell(expiresAt) },
  { title: 'LAST USED', cellOf: ({ lastUsedAt }) => timeCell(lastUsedAt) },
  { title: 'CREATED', cellOf: ({ createdAt }) => timeCell(createdAt) },
]

/** `coatcheck token`: manages the tokens by which users and their programs identify themselves. */
export const tokenCommands: Readonly<Record<string, Command>> = {
  list: {
    usage: 'token list [--user NAME]',
    about: 'lists the tokens of a user; without --user, of the first admin',
    flags: { user: { type: 'string' } },
    words: { min: 0, max: 0 },
    onlyReads: true,
    run: listTokens,
  },
  create: {
    usage:
      'token create [--user NAME] [--name TEXT] [--action read|write|manage]\n' +
      '                              [--store STORE [--prefix TEXT]]\n' +
      '                              [--expires 30d|12h|2027-01-31]',
    about: 'creates a token and prints it, only this once',
    flags: {
      user: { type: 'string' },
      name: { type: 'string' },
      action: { type: 'string' },
      store: { type: 'string' },
      prefix: { type: 'string' },
      expires: { type: 'string' },
    },
    words: { min: 0, max: 0 },
    run: createToken,
  },
  revoke: {
    usage: 'token revoke ID',
    about: 'makes a token invalid at once',
    words: { min: 1, max: 1 },
    run: revokeToken,
  },
}

async function listTokens({ given, api, screen }: CommandCall): Promise<void> {
  const query = { user: given.text('user') }
  const data = await api.ask<{ items: readonly TokenData[] }>('GET', tokensPath, { query })
  if (screen.isJson) screen.json(data)
  else screen.table(columns, data.items)
}

async function createToken({ given, api, screen }: CommandCall): Promise<void> {
  const expiry = expiryOf(given.text('expires'))
  const action = given.text('action')
  if (action !== undefined && !actions.includes(action)) {
    throw new UsageError(`--action is "${action}", but must be one of ${actions.join(', ')}.`)
  }
  const store = given.text('store')
  const body = {
    user: given.text('user'),
    name: given.text('name'),
    action,
    storeId: store === undefined ? undefined : (await findStore(api, store)).id,
    keyPrefix: given.text('prefix'),
    ...expiry,
  }
  const token = await api.ask<NewTokenData>('POST', tokensPath, { body })
  if (screen.isJson) screen.json(token)
  else screen.secret(token.token, `The token ${token.id}`)
}

async function revokeToken({ given, api, screen }: CommandCall): Promise<void> {
  const id = given.word(0)
  await api.tell('DELETE', pathOf(`${tokensPath}/:token`, id))
  if (screen.isJson) screen.json(null)
  else screen.sentence(`The token ${id} was revoked.`)
}

const hoursPerDay = 24

/**
 * Turns `30d`, `12h`, or a day or time in UTC into the fields that the API expects. Throws
 * UsageError.
 */
function expiryOf(text: string | undefined): object {
  if (text === undefined) return {}
  const [, amount = '', unit] = /^(\d{1,6})([dh])$/.exec(text) ?? []
  if (Number(amount) > 0) {
    return { expiresInDays: Number(amount) / (unit === 'd' ? 1 : hoursPerDay) }
  }
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/.test(text)
  const time = isTime ? Date.parse(text) : Number.NaN
  // Date.parse reads 31 February as a day in March: refuse days that do not exist.
  const isReal = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.slice(0, 10))
  if (isReal) return { expiresAt: new Date(time).toISOString() }
  throw new UsageError(`--expires is "${text}", but must be like 30d, 12h or 2027-01-31.`)
}
