import { beforeAll } from 'vitest'
import type { Config } from '../../../src/installation/config.ts'
import { type UsedServer, useTestServer } from '../network/test-server.ts'
import { People, type Person } from './people.ts'

/** A server and people on it, each under the own name. */
type TestPeople<Name extends string> = Readonly<Record<Name, Person>> & {
  readonly server: UsedServer
  readonly people: People
}

/**
 * One server for all tests of a `describe`, with a user for each of `names`. The ids and tokens of
 * the users are '' until the first hook or test of the `describe` runs.
 */
export function useTestPeople<Name extends string>(
  settings: Partial<Config>,
  ...names: readonly Name[]
): TestPeople<Name> {
  const server = useTestServer(settings)
  const people = peopleOf(server)
  const byName: Partial<Record<Name, Person>> = {}
  for (const username of names) byName[username] = { id: '', username, token: '' }
  beforeAll(async () => {
    for (const username of names) {
      Object.assign(byName[username] ?? {}, await people.create(username))
    }
  })
  // Every name has its person now.
  return { server, people, ...(byName as Record<Name, Person>) }
}

/** The address of the server is not known yet. */
function peopleOf(server: UsedServer): People {
  return new People({
    get url() {
      return server.url()
    },
    get token() {
      return server.token()
    },
  })
}
