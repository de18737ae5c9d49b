import { parseTable } from './table.ts'

/**
 * Who may do what through the App Lab door, written by hand: a column is a kind of call, a row a
 * caller. `ok`: allowed; `login`: needs a token of the owner; `no`: the token is for something
 * else; `none`: answered like a missing project; `key`: needs a page key; `wrong`: the page key is
 * wrong. The project is not open, and its pages may not delete.
 */
const reading = `
                                     read-in  read-out  read-some  user   list
nobody                               key      key       login      key    key
a wrong token                        login    login     login      login  login
an expired token                     login    login     login      login  login
a revoked token                      login    login     login      login  login
the token of a disabled user         login    login     login      login  login
another user                         none     none      none       none   none
an admin                             none     none      none       none   none
a reader                             ok       ok        ok         ok     ok
a writer                             ok       ok        ok         ok     ok
a manager                            ok       ok        ok         ok     ok
the read token of a writer           ok       ok        ok         ok     ok
the prefix token of a manager        ok       no        ok         ok     ok
the read token of the owner          ok       ok        ok         ok     ok
the write token of the owner         ok       ok        ok         ok     ok
the prefix read token of the owner   ok       no        ok         ok     ok
the prefix write token of the owner  ok       no        ok         ok     ok
the store token of the owner         ok       ok        ok         ok     ok
the owner's token of another store   none     none      none       none   none
the owner                            ok       ok        ok         ok     ok
a token of the owner that expires    ok       ok        ok         ok     ok
a record link                        key      key       login      key    key
a content link                       key      key       login      key    key
a link with a wrong signature        key      key       login      key    key
a content link that has expired      key      key       login      key    key
a content link of another store      key      key       login      key    key
a record link with a wrong token     login    login     login      login  login
a page with the key                  ok       ok        login      ok     login
a page with the key in the query     ok       ok        login      ok     login
a page with a wrong key              wrong    wrong     login      wrong  wrong
a page with another project's key    wrong    wrong     login      wrong  wrong
another user's page with the key     none     none      none       none   none
the owner's page with a wrong key    ok       ok        ok         ok     ok
`

const writing = `
                                     set-in  set-out  delete-in  delete-out  write-in  write-out  write-all  manage
nobody                               key     key      key        key         login     login      login      login
a wrong token                        login   login    login      login       login     login      login      login
an expired token                     login   login    login      login       login     login      login      login
a revoked token                      login   login    login      login       login     login      login      login
the token of a disabled user         login   login    login      login       login     login      login      login
another user                         none    none     none       none        none      none       none       none
an admin                             none    none     none       none        none      none       none       none
a reader                             no      no       no         no          no        no         no         no
a writer                             ok      ok       ok         ok          ok        ok         ok         no
a manager                            ok      ok       ok         ok          ok        ok         ok         ok
the read token of a writer           no      no       no         no          no        no         no         no
the prefix token of a manager        ok      no       ok         no          ok        no         no         no
the read token of the owner          no      no       no         no          no        no         no         no
the write token of the owner         ok      ok       ok         ok          ok        ok         ok         no
the prefix read token of the owner   no      no       no         no          no        no         no         no
the prefix write token of the owner  ok      no       ok         no          ok        no         no         no
the store token of the owner         ok      ok       ok         ok          ok        ok         ok         ok
the owner's token of another store   none    none     none       none        none      none       none       none
the owner                            ok      ok       ok         ok          ok        ok         ok         ok
a token of the owner that expires    ok      ok       ok         ok          ok        ok         ok         ok
a record link                        key     key      key        key         login     login      login      login
a content link                       key     key      key        key         login     login      login      login
a link with a wrong signature        key     key      key        key         login     login      login      login
a content link that has expired      key     key      key        key         login     login      login      login
a content link of another store      key     key      key        key         login     login      login      login
a record link with a wrong token     login   login    login      login       login     login      login      login
a page with the key                  ok      ok       login      login       login     login      login      login
a page with the key in the query     ok      ok       login      login       login     login      login      login
a page with a wrong key              wrong   wrong    wrong      wrong       login     login      login      login
a page with another project's key    wrong   wrong    wrong      wrong       login     login      login      login
another user's page with the key     none    none     none       none        none      none       none       none
the owner's page with a wrong key    ok      ok       ok         ok          ok        ok         ok         ok
`

/** For each kind of call, the answer to each caller. */
export const applabColumns: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map(
  [reading, writing].flatMap((table) => [...parseTable(table)]),
)

/**
 * How the settings of a project change the rights of pages: open by its channel id, pages may
 * delete, or both; pages may list all keys.
 */
const settings = `
                                   open: read  open: set  open: delete  delete: delete  both: delete  both: all  list: list
nobody                             ok          ok         login         key             ok            login      key
a page with the key                ok          ok         login         ok              ok            login      ok
a page with the key in the query   ok          ok         login         ok              ok            login      ok
a page with a wrong key            wrong       wrong      wrong         wrong           wrong         login      wrong
a page with another project's key  wrong       wrong      wrong         wrong           wrong         login      wrong
`

export const settingsColumns: ReadonlyMap<string, ReadonlyMap<string, string>> = parseTable(
  settings.replaceAll(/(open|delete|both|list): /g, '$1:'),
)
