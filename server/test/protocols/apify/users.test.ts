import { describe, expect, it } from 'vitest'
import { engines, useTestServer } from '../../support/network/test-server.ts'

const features = [
  'ACTORS',
  'STORAGE',
  'SCHEDULER',
  'PROXY',
  'PROXY_EXTERNAL_ACCESS',
  'PROXY_RESIDENTIAL',
  'PROXY_SERPS',
  'WEBHOOKS',
  'ACTORS_PUBLIC_ALL',
  'ACTORS_PUBLIC_DEVELOPER',
]

/** Fields that some releases of the Python client need. */
const planFields = [
  'id',
  'description',
  'isEnabled',
  'monthlyBasePriceUsd',
  'monthlyUsageCreditsUsd',
  'enabledPlatformFeatures',
  'maxMonthlyUsageUsd',
  'maxActorMemoryGbytes',
  'maxMonthlyActorComputeUnits',
  'maxMonthlyResidentialProxyGbytes',
  'maxMonthlyProxySerps',
  'maxMonthlyExternalDataTransferGbytes',
  'maxActorCount',
  'maxActorTaskCount',
  'dataRetentionDays',
  'teamAccountSeatCount',
  'supportLevel',
]

describe.each(engines)('users through apify-client, on %s', (engine) => {
  const server = useTestServer({ engine })

  it('returns the user of a token', async () => {
    const me = await server.client().user().get()
    const { userId } = await server.client().keyValueStores().getOrCreate('whose')
    expect(me).toMatchObject({ id: userId, username: 'owner' })
    expect(await server.client().user('me').get()).toEqual(me)
  })

  it('returns the public name for an id or a name to anyone', async () => {
    const { id = '' } = await server.client().user().get()
    for (const asked of [id, 'owner']) {
      const response = await fetch(`${server.url()}/v2/users/${asked}`)
      expect([response.status, await response.json()], asked).toEqual([
        200,
        { data: { username: 'owner', profile: {} } },
      ])
    }
  })

  it('finds no unknown users, whatever their names are', async () => {
    expect(await server.client().user('nobody').get()).toBeUndefined()
    for (const asked of [
      'nobody',
      'AAAAAAAAAAAAAAAAA',
      'owner2',
      '%00',
      '%zz',
      'x'.repeat(5_000),
    ]) {
      const response = await fetch(`${server.url()}/v2/users/${asked}`)
      expect([response.status, await response.json()], asked).toEqual([
        404,
        { error: { type: 'record-not-found', message: 'User was not found' } },
      ])
    }
  })

  it('finds a user in upper or lower case', async () => {
    const response = await fetch(`${server.url()}/v2/users/OWNER`)
    expect(JSON.parse(await response.text()).data.username).toBe('owner')
  })

  it('returns no limits and no usage, since nothing is counted or limited', async () => {
    expect(await server.client().user().limits()).toBeUndefined()
    expect(await server.client().user().monthlyUsage()).toBeUndefined()
  })
})

describe('users on the wire of the Apify door', () => {
  const server = useTestServer()
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${server.url()}${path}`, init)
  const errorOf = async (response: Response): Promise<unknown> => {
    const { error } = JSON.parse(await response.text())
    return [response.status, error]
  }

  it('returns every field that the typed clients need', async () => {
    const headers = { Authorization: `Bearer ${server.token()}` }
    const { data } = JSON.parse(await (await ask('/v2/users/me', { headers })).text())
    expect(data).toEqual({
      id: expect.stringMatching(/^[a-zA-Z0-9]{17}$/),
      username: 'owner',
      profile: {},
      email: expect.stringMatching(/^[a-zA-Z0-9]{17}@example\.com$/),
      proxy: { password: '', groups: [] },
      plan: expect.objectContaining({ availableProxyGroups: {}, availableAddOns: [] }),
      effectivePlatformFeatures: expect.any(Object),
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      isPaying: false,
    })
    expect(Object.keys(data.plan)).toEqual(expect.arrayContaining(planFields))
    expect(Object.keys(data.effectivePlatformFeatures)).toEqual(features)
    for (const [name, feature] of Object.entries(data.effectivePlatformFeatures)) {
      expect(feature, name).toEqual({
        isEnabled: name === 'STORAGE',
        disabledReason: name === 'STORAGE' ? null : expect.any(String),
        disabledReasonType: name === 'STORAGE' ? null : 'DISABLED',
        isTrial: false,
        trialExpirationAt: null,
      })
    }
  })

  it('refuses users/me without a token or with an invalid one', async () => {
    const wrong = { headers: { Authorization: 'Bearer wrong' } }
    for (const path of ['/v2/users/me', '/v2/users/me/limits', '/v2/users/me/usage/monthly']) {
      expect(await errorOf(await ask(path)), path).toEqual([
        401,
        { type: 'token-not-provided', message: 'Authentication token was not provided' },
      ])
      expect(await errorOf(await ask(path, wrong)), path).toEqual([
        401,
        {
          type: 'user-or-token-not-found',
          message: 'User was not found or authentication token is not valid',
        },
      ])
    }
  })

  it('changes no user', async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const response = await ask('/v2/users/owner', { method })
      expect(response.headers.get('allow'), method).toBe('OPTIONS,GET')
      expect(response.status, method).toBe(405)
    }
    expect((await ask('/v2/users/')).status).toBe(404)
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
