import { parseTable } from './table.ts'

/**
 * Who may do what, written by hand. A column is a kind of operation, a row a caller. Each door
 * lists its operations by kind, and has its own words for these answers:
 *
 * - `ok`: allowed
 * - `asked`: refused, a token is needed
 * - `wrong`: refused, the token is invalid
 * - `no`: refused, but the caller may know that the store exists
 * - `hidden`: like `no` by the store's id; by its name like a missing store
 * - `none`: answered as if the target did not exist
 */
export type Meaning = 'ok' | 'asked' | 'wrong' | 'no' | 'hidden' | 'none'

const meanings: readonly string[] = ['ok', 'asked', 'wrong', 'no', 'hidden', 'none']

/**
 * About one restricted store. `in` is a record in the scope of the prefixes and the record link,
 * `out` is another record; `some` is the part that the caller may see. `read-list` names records of
 * all of the store. `read-all` is the whole store, by an API that needs a token from everybody.
 * `open` gives others a right to the store.
 */
const reading = `
                                     read-in  read-out  read-some  describe  read-list
nobody                               hidden   hidden    hidden     hidden    hidden
a wrong token                        wrong    wrong     wrong      wrong     wrong
an expired token                     wrong    wrong     wrong      wrong     wrong
a revoked token                      wrong    wrong     wrong      wrong     wrong
the token of a disabled user         wrong    wrong     wrong      wrong     wrong
another user                         hidden   hidden    hidden     hidden    hidden
an admin                             hidden   hidden    hidden     hidden    hidden
a reader                             ok       ok        ok         ok        ok
a writer                             ok       ok        ok         ok        ok
a manager                            ok       ok        ok         ok        ok
the read token of a writer           ok       ok        ok         ok        ok
the prefix token of a manager        ok       no        ok         ok        no
the read token of the owner          ok       ok        ok         ok        ok
the write token of the owner         ok       ok        ok         ok        ok
the prefix read token of the owner   ok       no        ok         ok        no
the prefix write token of the owner  ok       no        ok         ok        no
the store token of the owner         ok       ok        ok         ok        ok
the owner's token of another store   hidden   hidden    hidden     hidden    hidden
the owner                            ok       ok        ok         ok        ok
a token of the owner that expires    ok       ok        ok         ok        ok
a record link                        ok       hidden    hidden     hidden    hidden
a content link                       hidden   hidden    ok         hidden    ok
a link with a wrong signature        hidden   hidden    hidden     hidden    hidden
a content link that has expired      hidden   hidden    hidden     hidden    hidden
a content link of another store      hidden   hidden    hidden     hidden    hidden
a record link with a wrong token     wrong    wrong     wrong      wrong     wrong
`

const writing = `
                                     write-in  write-out  write-some  write-all  manage  read-all  open
nobody                               asked     asked      asked       asked      asked   asked     asked
a wrong token                        wrong     wrong      wrong       wrong      wrong   wrong     wrong
an expired token                     wrong     wrong      wrong       wrong      wrong   wrong     wrong
a revoked token                      wrong     wrong      wrong       wrong      wrong   wrong     wrong
the token of a disabled user         wrong     wrong      wrong       wrong      wrong   wrong     wrong
another user                         hidden    hidden     hidden      hidden     hidden  hidden    hidden
an admin                             hidden    hidden     hidden      hidden     hidden  hidden    hidden
a reader                             no        no         no          no         no      ok        no
a writer                             ok        ok         ok          ok         no      ok        no
a manager                            ok        ok         ok          ok         ok      ok        ok
the read token of a writer           no        no         no          no         no      ok        no
the prefix token of a manager        ok        no         ok          no         no      no        no
the read token of the owner          no        no         no          no         no      ok        no
the write token of the owner         ok        ok         ok          ok         no      ok        no
the prefix read token of the owner   no        no         no          no         no      no        no
the prefix write token of the owner  ok        no         ok          no         no      no        no
the store token of the owner         ok        ok         ok          ok         ok      ok        ok
the owner's token of another store   hidden    hidden     hidden      hidden     hidden  hidden    hidden
the owner                            ok        ok         ok          ok         ok      ok        ok
a token of the owner that expires    ok        ok         ok          ok         ok      ok        no
a record link                        asked     asked      asked       asked      asked   asked     asked
a content link                       asked     asked      asked       asked      asked   asked     asked
a link with a wrong signature        asked     asked      asked       asked      asked   asked     asked
a content link that has expired      asked     asked      asked       asked      asked   asked     asked
a content link of another store      asked     asked      asked       asked      asked   asked     asked
a record link with a wrong token     wrong     wrong      wrong       wrong      wrong   wrong     wrong
`

/**
 * About no store: `token` needs a token of any scope; `create` makes stores of the caller;
 * `account` is about the caller's tokens and settings, `owned` about a token of the owner, `admin`
 * about all users; `lasting` gives rights that stay; `public` needs no token, and `anyone` ignores
 * even an invalid one.
 */
const people = `
                                     token  create  account  owned  admin  public  anyone  lasting
nobody                               asked  asked   asked    asked  asked  ok      ok      asked
a wrong token                        wrong  wrong   wrong    wrong  wrong  wrong   ok      wrong
an expired token                     wrong  wrong   wrong    wrong  wrong  wrong   ok      wrong
a revoked token                      wrong  wrong   wrong    wrong  wrong  wrong   ok      wrong
the token of a disabled user         wrong  wrong   wrong    wrong  wrong  wrong   ok      wrong
another user                         ok     ok      ok       none   no     ok      ok      ok
an admin                             ok     ok      ok       ok     ok     ok      ok      ok
a reader                             ok     ok      ok       none   no     ok      ok      ok
a writer                             ok     ok      ok       none   no     ok      ok      ok
a manager                            ok     ok      ok       none   no     ok      ok      ok
the read token of a writer           ok     no      no       no     no     ok      ok      no
the prefix token of a manager        ok     no      no       no     no     ok      ok      no
the read token of the owner          ok     no      no       no     no     ok      ok      no
the write token of the owner         ok     ok      no       no     no     ok      ok      no
the prefix read token of the owner   ok     no      no       no     no     ok      ok      no
the prefix write token of the owner  ok     no      no       no     no     ok      ok      no
the store token of the owner         ok     no      no       no     no     ok      ok      no
the owner's token of another store   ok     no      no       no     no     ok      ok      no
the owner                            ok     ok      ok       ok     no     ok      ok      ok
a token of the owner that expires    ok     ok      ok       ok     no     ok      ok      no
a record link                        asked  asked   asked    asked  asked  ok      ok      asked
a content link                       asked  asked   asked    asked  asked  ok      ok      asked
a link with a wrong signature        asked  asked   asked    asked  asked  ok      ok      asked
a content link that has expired      asked  asked   asked    asked  asked  ok      ok      asked
a content link of another store      asked  asked   asked    asked  asked  ok      ok      asked
a record link with a wrong token     wrong  wrong   wrong    wrong  wrong  wrong   ok      wrong
`

/** Reading by id and by name, for each general access of the store; `follow` with each setting. */
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

/** The answer to each caller, by the caller's name. */
export type Column = ReadonlyMap<string, Meaning>

export const columns: ReadonlyMap<string, Column> = new Map(
  [reading, writing, people]
    .flatMap((table) => [...parseTable(table)])
    .map(([name, cells]) => [
      name,
      new Map([...cells].map(([caller, cell]) => [caller, meaningOf(cell)])),
    ]),
)

/** By general access: the answer to each caller by the store's id, and by its name. */
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
  throw new Error(`"${cell}" in the rules is not a known answer.`)
}

function isMeaning(cell: string): cell is Meaning {
  return meanings.includes(cell)
}
