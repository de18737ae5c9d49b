import { parseTable } from './table.ts'

/**
 * Who may do what, written down by hand. A column is a kind of operation, a row a caller; each door
 * lists its operations by their kind, and says how it spells these answers:
 *
 * - `ok`: it is done
 * - `asked`: a token is asked for
 * - `wrong`: the token is nobody's
 * - `no`: refused, the store being no secret to this caller
 * - `hidden`: as `no` by the store's id; by its name as if there were no such store
 * - `none`: as if what is asked for were not there
 */
export type Meaning = 'ok' | 'asked' | 'wrong' | 'no' | 'hidden' | 'none'

const meanings: readonly string[] = ['ok', 'asked', 'wrong', 'no', 'hidden', 'none']

/**
 * Of one store that is restricted. `in` is the record that prefixes and the record link are for,
 * `out` another one; `some` is as much as there is for the caller. `read-all` is all of it, by an
 * API that asks everybody for a token.
 */
const reading = `
                                     read-in  read-out  read-some  describe
nobody                               hidden   hidden    hidden     hidden
a wrong token                        wrong    wrong     wrong      wrong
an expired token                     wrong    wrong     wrong      wrong
a revoked token                      wrong    wrong     wrong      wrong
the token of a disabled user         wrong    wrong     wrong      wrong
another user                         hidden   hidden    hidden     hidden
an admin                             hidden   hidden    hidden     hidden
a reader                             ok       ok        ok         ok
a writer                             ok       ok        ok         ok
a manager                            ok       ok        ok         ok
the read token of a writer           ok       ok        ok         ok
the prefix token of a manager        ok       no        ok         ok
the read token of the owner          ok       ok        ok         ok
the write token of the owner         ok       ok        ok         ok
the prefix read token of the owner   ok       no        ok         ok
the prefix write token of the owner  ok       no        ok         ok
the store token of the owner         ok       ok        ok         ok
the owner's token of another store   hidden   hidden    hidden     hidden
the owner                            ok       ok        ok         ok
a record link                        ok       hidden    hidden     hidden
a content link                       hidden   hidden    ok         hidden
a link with a wrong signature        hidden   hidden    hidden     hidden
a content link that has expired      hidden   hidden    hidden     hidden
a content link of another store      hidden   hidden    hidden     hidden
a record link with a wrong token     wrong    wrong     wrong      wrong
`

const writing = `
                                     write-in  write-out  write-some  write-all  manage  read-all
nobody                               asked     asked      asked       asked      asked   asked
a wrong token                        wrong     wrong      wrong       wrong      wrong   wrong
an expired token                     wrong     wrong      wrong       wrong      wrong   wrong
a revoked token                      wrong     wrong      wrong       wrong      wrong   wrong
the token of a disabled user         wrong     wrong      wrong       wrong      wrong   wrong
another user                         hidden    hidden     hidden      hidden     hidden  hidden
an admin                             hidden    hidden     hidden      hidden     hidden  hidden
a reader                             no        no         no          no         no      ok
a writer                             ok        ok         ok          ok         no      ok
a manager                            ok        ok         ok          ok         ok      ok
the read token of a writer           no        no         no          no         no      ok
the prefix token of a manager        ok        no         ok          no         no      no
the read token of the owner          no        no         no          no         no      ok
the write token of the owner         ok        ok         ok          ok         no      ok
the prefix read token of the owner   no        no         no          no         no      no
the prefix write token of the owner  ok        no         ok          no         no      no
the store token of the owner         ok        ok         ok          ok         ok      ok
the owner's token of another store   hidden    hidden     hidden      hidden     hidden  hidden
the owner                            ok        ok         ok          ok         ok      ok
a record link                        asked     asked      asked       asked      asked   asked
a content link                       asked     asked      asked       asked      asked   asked
a link with a wrong signature        asked     asked      asked       asked      asked   asked
a content link that has expired      asked     asked      asked       asked      asked   asked
a content link of another store      asked     asked      asked       asked      asked   asked
a record link with a wrong token     wrong     wrong      wrong       wrong      wrong   wrong
`

/**
 * Of no store: `token` needs one, whatever it is for; `create` makes stores of one's own, `account`
 * is about one's tokens and settings, `owned` about a token of the owner's, `admin` about
 * everybody; `public` needs no token, and `anyone` does not even look at one.
 */
const people = `
                                     token  create  account  owned  admin  public  anyone
nobody                               asked  asked   asked    asked  asked  ok      ok
a wrong token                        wrong  wrong   wrong    wrong  wrong  wrong   ok
an expired token                     wrong  wrong   wrong    wrong  wrong  wrong   ok
a revoked token                      wrong  wrong   wrong    wrong  wrong  wrong   ok
the token of a disabled user         wrong  wrong   wrong    wrong  wrong  wrong   ok
another user                         ok     ok      ok       none   no     ok      ok
an admin                             ok     ok      ok       ok     ok     ok      ok
a reader                             ok     ok      ok       none   no     ok      ok
a writer                             ok     ok      ok       none   no     ok      ok
a manager                            ok     ok      ok       none   no     ok      ok
the read token of a writer           ok     no      no       no     no     ok      ok
the prefix token of a manager        ok     no      no       no     no     ok      ok
the read token of the owner          ok     no      no       no     no     ok      ok
the write token of the owner         ok     ok      no       no     no     ok      ok
the prefix read token of the owner   ok     no      no       no     no     ok      ok
the prefix write token of the owner  ok     no      no       no     no     ok      ok
the store token of the owner         ok     no      no       no     no     ok      ok
the owner's token of another store   ok     no      no       no     no     ok      ok
the owner                            ok     ok      ok       ok     no     ok      ok
a record link                        asked  asked   asked    asked  asked  ok      ok
a content link                       asked  asked   asked    asked  asked  ok      ok
a link with a wrong signature        asked  asked   asked    asked  asked  ok      ok
a content link that has expired      asked  asked   asked    asked  asked  ok      ok
a content link of another store      asked  asked   asked    asked  asked  ok      ok
a record link with a wrong token     wrong  wrong   wrong    wrong  wrong  wrong   ok
`

/** Reading by id and by name, as the store's general access says; `follow` with each setting. */
const opened = `
                                     restricted  follow  follow-open  with-id    with-name
nobody                               hidden      hidden  id-only      id-only    ok
a wrong token                        wrong       wrong   wrong        wrong      wrong
an expired token                     wrong       wrong   wrong        wrong      wrong
another user                         hidden      hidden  id-only      id-only    ok
an admin                             hidden      hidden  id-only      id-only    ok
a reader                             ok          ok      ok           ok         ok
the owner's token of another store   hidden      hidden  id-only      id-only    ok
the owner                            ok          ok      ok           ok         ok
a link with a wrong signature        hidden      hidden  id-only      id-only    ok
`

/** By a caller's name, what a column says of it. */
export type Column = ReadonlyMap<string, Meaning>

export const columns: ReadonlyMap<string, Column> = new Map(
  [reading, writing, people]
    .flatMap((table) => [...parseTable(table)])
    .map(([name, cells]) => [
      name,
      new Map([...cells].map(([caller, cell]) => [caller, meaningOf(cell)])),
    ]),
)

/** By the level of general access: what each caller is told by the store's id, and by its name. */
export const openings: ReadonlyMap<
  string,
  ReadonlyMap<string, { readonly id: Meaning; readonly name: Meaning }>
> = new Map(
  [...parseTable(opened)].map(([level, cells]) => [
    level,
    new Map(
      [...cells].map(([caller, cell]) =>
        cell === 'id-only'
          ? [caller, { id: 'ok', name: 'hidden' }]
          : [caller, { id: meaningOf(cell), name: meaningOf(cell) }],
      ),
    ),
  ]),
)

function meaningOf(cell: string): Meaning {
  if (isMeaning(cell)) return cell
  throw new Error(`"${cell}" in the rules is no answer.`)
}

function isMeaning(cell: string): cell is Meaning {
  return meanings.includes(cell)
}
