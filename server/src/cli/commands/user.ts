import { pathOf } from '../api/local-api.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { textCell, timeCell } from '../terminal/readable.ts'
import type { Column } from '../terminal/screen.ts'
import type { Command, CommandCall } from './command.ts'

/** A user, as the API describes one. */
interface UserData {
  readonly id: string
  readonly username: string
  readonly isAdmin: boolean
  readonly isDisabled: boolean
  readonly generalAccess: string
  readonly createdAt: string
}

interface NewUserData extends UserData {
  readonly token: { readonly token: string }
}

const columns: readonly Column<UserData>[] = [
  { title: 'NAME', cellOf: ({ username }) => textCell(username) },
  { title: 'ID', cellOf: ({ id }) => textCell(id) },
  { title: 'ROLE', cellOf: ({ isAdmin }) => textCell(isAdmin ? 'admin' : 'user') },
  { title: 'STATE', cellOf: ({ isDisabled }) => textCell(isDisabled ? 'disabled' : 'active') },
  { title: 'GENERAL ACCESS', cellOf: ({ generalAccess }) => textCell(generalAccess) },
  { title: 'CREATED', cellOf: ({ createdAt }) => timeCell(createdAt) },
]

/** `coatcheck user`: manages the users, who can have stores. */
export const userCommands: Readonly<Record<string, Command>> = {
  list: {
    usage: 'user list',
    about: 'lists all users',
    words: { min: 0, max: 0 },
    onlyReads: true,
    run: listUsers,
  },
  add: {
    usage: 'user add NAME [--admin]',
    about: "adds a user and prints the user's first token, only this once",
    flags: { admin: { type: 'boolean' } },
    words: { min: 1, max: 1 },
    run: addUser,
  },
  disable: {
    usage: 'user disable NAME',
    about: 'makes all tokens of a user invalid; the stores stay',
    words: { min: 1, max: 1 },
    run: (call) => changeUser(call, { isDisabled: true }, 'is disabled'),
  },
  enable: {
    usage: 'user enable NAME',
    about: 'makes the tokens of a disabled user valid again',
    words: { min: 1, max: 1 },
    run: (call) => changeUser(call, { isDisabled: false }, 'is enabled'),
  },
  admin: {
    usage: 'user admin NAME on|off',
    about: 'sets whether a user may manage users and their tokens',
    words: { min: 2, max: 2 },
    run: setAdmin,
  },
}

async function listUsers({ api, screen }: CommandCall): Promise<void> {
  const data = await api.ask<{ items: readonly UserData[] }>('GET', '/coatcheck/v1/users')
  if (screen.isJson) screen.json(data)
  else screen.table(columns, data.items)
}

async function addUser({ given, api, screen }: CommandCall): Promise<void> {
  const body = { username: given.word(0), isAdmin: given.flag('admin') }
  const user = await api.ask<NewUserData>('POST', '/coatcheck/v1/users', { body })
  if (screen.isJson) screen.json(user)
  else screen.secret(user.token.token, `The user ${user.username} was added. The first token`)
}

async function setAdmin(call: CommandCall): Promise<void> {
  const wanted = call.given.word(1)
  if (wanted === 'on') return changeUser(call, { isAdmin: true }, 'is an admin')
  if (wanted === 'off') return changeUser(call, { isAdmin: false }, 'is not an admin')
  throw new UsageError(`"${wanted}" is neither on nor off.`)
}

async function changeUser(
  { given, api, screen }: CommandCall,
  body: Partial<UserData>,
  outcome: string,
): Promise<void> {
  const path = pathOf('/coatcheck/v1/users/:user', given.word(0))
  const user = await api.ask<UserData>('PATCH', path, { body })
  if (screen.isJson) screen.json(user)
  else screen.sentence(`The user ${user.username} ${outcome}.`)
}
