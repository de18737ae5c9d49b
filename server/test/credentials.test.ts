import { beforeAll, describe, expect, it } from 'vitest'
import { openSocket } from './support/network/nemesis-session.ts'
import { plainRequest } from './support/network/plain-request.ts'
import { Remote } from './support/network/remote.ts'
import { useTestServer } from './support/network/test-server.ts'

// RFC 7235, 2.1: the scheme is case-insensitive, and one or more blanks follow it. RFC 6750, 2:
// a request carries its token in one place; here the header takes precedence over the query.
describe('the token of a request', () => {
  const server = useTestServer({ nemesisPort: 0 })
  let channelId = ''

  beforeAll(async () => {
    const asked = { method: 'POST', token: server.token(), json: { name: 'a' } }
    channelId = (await new Remote(server.url()).do('/coatcheck/v1/projects', asked)).data.channelId
  })

  const basic = `Basic ${Buffer.from('proxy:password').toString('base64')}`
  const right = (): string => server.token()
  const cases: readonly [
    what: string,
    header: () => string | undefined,
    query: string,
    ok: boolean,
  ][] = [
    ['in the header', () => `Bearer ${right()}`, '', true],
    ['in the header, with another spelling', () => `bEARER   ${right()}  `, '', true],
    ['in the query', () => undefined, 'RIGHT', true],
    ['in the query, beside Basic for a proxy', () => basic, 'RIGHT', true],
    ['in the query, beside Digest for a proxy', () => 'Digest username="a"', 'RIGHT', true],
    ['wrong in the query, beside Basic', () => basic, 'wrong', false],
    ['only Basic', () => basic, '', false],
    ['in the header, and a wrong one in the query', () => `Bearer ${right()}`, 'wrong', true],
    ['wrong in the header, and a right one in the query', () => 'Bearer wrong', 'RIGHT', false],
    ['missing behind Bearer', () => 'Bearer', 'RIGHT', false],
  ]

  it.each(cases)('is read in the same way by all doors: %s', async (_, header, query, isRight) => {
    const value = header()
    const headers = value === undefined ? {} : { Authorization: value }
    const search = query === '' ? '' : `?token=${query.replace('RIGHT', right())}`
    const paths = [
      '/v2/users/me',
      '/coatcheck/v1/me',
      `/datablock_storage/${channelId}/project_has_data`,
    ]
    const outcomes: boolean[] = []
    for (const path of paths) {
      const { status } = await plainRequest(server.url() + path + search, { headers })
      expect([200, 401, 403], path).toContain(status)
      outcomes.push(status === 200)
    }
    const health = await plainRequest(`${server.url()}/health${search}`, { headers })
    outcomes.push('version' in JSON.parse(String(health.body)))
    const sockets = [server.nemesisUrl(), `${server.url().replace('http', 'ws')}/nemesis`]
    for (const url of sockets) {
      const opening = openSocket(url + search, { headers })
      outcomes.push(await opening.then(Boolean, (error) => !String(error).includes('401')))
    }
    expect(outcomes).toEqual(outcomes.map(() => isRight))
  })
})
