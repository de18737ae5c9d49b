import { parseTable } from './table.ts'

/**
 * Who may do what through the NemesisDB door, written by hand: a column is a kind of command, a row
 * a caller. A number is NemesisDB's status, except for `401`: the handshake is refused. `ok`:
 * allowed; `no`: answered like a missing session. These tables are about one session, by its token.
 */
const reading = `
                                     read-in  read-out  read-some  read-all
nobody                               100      100       100        100
a wrong token                        401      401       401        401
an expired token                     401      401       401        401
a revoked token                      401      401       401        401
the token of a disabled user         401      401       401        401
another user                         100      100       100        100
an admin                             100      100       100        100
a reader                             100      100       100        100
a writer                             100      100       100        100
a manager                            100      100       100        100
the read token of a writer           100      100       100        100
the prefix token of a manager        100      100       100        100
the read token of the owner          ok       ok        ok         ok
the write token of the owner         ok       ok        ok         ok
the prefix read token of the owner   ok       14        ok         14
the prefix write token of the owner  ok       14        ok         14
the store token of the owner         ok       ok        ok         ok
the owner's token of another store   100      100       100        100
the owner                            ok       ok        ok         ok
a token of the owner that expires    ok       ok        ok         ok
`

const writing = `
                                     write-in  write-out  write-all  manage
nobody                               100       100        100        100
a wrong token                        401       401        401        401
an expired token                     401       401        401        401
a revoked token                      401       401        401        401
the token of a disabled user         401       401        401        401
another user                         100       100        100        100
an admin                             100       100        100        100
a reader                             100       100        100        100
a writer                             100       100        100        100
a manager                            100       100        100        100
the read token of a writer           100       100        100        100
the prefix token of a manager        100       100        100        100
the read token of the owner          14        14         14         14
the write token of the owner         ok        ok         ok         14
the prefix read token of the owner   14        14         14         14
the prefix write token of the owner  ok        14         14         14
the store token of the owner         ok        ok         ok         ok
the owner's token of another store   100       100        100        100
the owner                            ok        ok         ok         ok
a token of the owner that expires    ok        ok         ok         ok
`

/**
 * Commands that name a session themselves: SH_OPEN and SH_EXISTS of the owner's session, and
 * commands that need no right; then commands about all sessions of the caller. `their-dump` is a
 * dump that the owner saved.
 */
const seeing = `
                                     open  exists  any
nobody                               102   no      ok
a wrong token                        401   401     401
an expired token                     401   401     401
a revoked token                      401   401     401
the token of a disabled user         401   401     401
another user                         102   no      ok
an admin                             102   no      ok
a reader                             102   no      ok
a writer                             102   no      ok
a manager                            102   no      ok
the read token of a writer           102   no      ok
the prefix token of a manager        102   no      ok
the read token of the owner          ok    ok      ok
the write token of the owner         ok    ok      ok
the prefix read token of the owner   ok    ok      ok
the prefix write token of the owner  ok    ok      ok
the store token of the owner         ok    ok      ok
the owner's token of another store   102   no      ok
the owner                            ok    ok      ok
a token of the owner that expires    ok    ok      ok
`

const account = `
                                     account-read  account-write  account-manage  their-dump
nobody                               ok            ok             ok              142
a wrong token                        401           401            401             401
an expired token                     401           401            401             401
a revoked token                      401           401            401             401
the token of a disabled user         401           401            401             401
another user                         ok            ok             ok              142
an admin                             ok            ok             ok              142
a reader                             ok            ok             ok              142
a writer                             ok            ok             ok              142
a manager                            ok            ok             ok              142
the read token of a writer           ok            14             14              14
the prefix token of a manager        14            14             14              14
the read token of the owner          ok            14             14              14
the write token of the owner         ok            ok             14              14
the prefix read token of the owner   14            14             14              14
the prefix write token of the owner  14            14             14              14
the store token of the owner         14            14             14              14
the owner's token of another store   14            14             14              14
the owner                            ok            ok             ok              ok
a token of the owner that expires    ok            ok             ok              ok
`

/** Of the caller's store "nemesis". Tokens for the owner's store of that name are valid for it. */
const ownReading = `
                                     own-in  own-out  own-some  own-all
nobody                               ok      ok       ok        ok
a wrong token                        401     401      401       401
an expired token                     401     401      401       401
a revoked token                      401     401      401       401
the token of a disabled user         401     401      401       401
another user                         ok      ok       ok        ok
an admin                             ok      ok       ok        ok
a reader                             ok      ok       ok        ok
a writer                             ok      ok       ok        ok
a manager                            ok      ok       ok        ok
the read token of a writer           ok      ok       ok        ok
the prefix token of a manager        14      14       14        14
the read token of the owner          ok      ok       ok        ok
the write token of the owner         ok      ok       ok        ok
the prefix read token of the owner   ok      14       ok        14
the prefix write token of the owner  ok      14       ok        14
the store token of the owner         ok      ok       ok        ok
the owner's token of another store   14      14       14        14
the owner                            ok      ok       ok        ok
a token of the owner that expires    ok      ok       ok        ok
`

const ownWriting = `
                                     own-write-in  own-write-out  own-write-all  own-load
nobody                               ok            ok             ok             142
a wrong token                        401           401            401            401
an expired token                     401           401            401            401
a revoked token                      401           401            401            401
the token of a disabled user         401           401            401            401
another user                         ok            ok             ok             142
an admin                             ok            ok             ok             142
a reader                             ok            ok             ok             142
a writer                             ok            ok             ok             142
a manager                            ok            ok             ok             142
the read token of a writer           14            14             14             14
the prefix token of a manager        14            14             14             14
the read token of the owner          14            14             14             14
the write token of the owner         ok            ok             ok             ok
the prefix read token of the owner   14            14             14             14
the prefix write token of the owner  ok            14             14             14
the store token of the owner         ok            ok             ok             ok
the owner's token of another store   14            14             14             14
the owner                            ok            ok             ok             ok
a token of the owner that expires    ok            ok             ok             ok
`

/** For each kind of command, the answer to each caller. */
export const nemesisColumns = new Map(
  [reading, writing, seeing, account, ownReading, ownWriting].flatMap((table) => [
    ...parseTable(table),
  ]),
)
