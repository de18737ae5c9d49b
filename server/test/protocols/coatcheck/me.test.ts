import { describe, expect, it } from 'vitest'
import { type Answered, errorTypeOf, type Json } from '../../support/network/remote.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const storeId = 'AAAAAAAAAAAAAAAAA'

describe.each(engines)('the caller, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')

  const patch = (json: unknown): Promise<Answered> =>
    people.remote.send('/coatcheck/v1/me', { method: 'PATCH', token: jane.token, json })
  const me = async (token: string): Promise<Json> =>
    (await people.remote.do('/coatcheck/v1/me', { token })).data

  it('is shown with the scope of their token', async () => {
    const wish = { action: 'write', storeId, keyPrefix: 'a' } as const
    const { id, token } = await people.createToken(jane, wish)
    expect(await me(token)).toEqual({
      id: jane.id,
      username: 'jane',
      isAdmin: false,
      isDisabled: false,
      generalAccess: 'RESTRICTED',
      createdAt: expect.stringMatching(/Z$/),
      token: { id, scope: wish },
    })
    expect(await me(server.token())).toMatchObject({ username: 'owner', isAdmin: true })
  })

  it('is never cached', async () => {
    const reply = await people.remote.send('/coatcheck/v1/me', { token: jane.token })
    expect(reply.headers.get('cache-control')).toBe('no-store')
    const refused = await people.remote.send('/coatcheck/v1/me')
    expect(refused.headers.get('cache-control')).toBe('no-store')
  })

  it('sets the access to stores that follow the setting, with effect at once', async () => {
    for (const generalAccess of ['ANYONE_WITH_ID_CAN_READ', 'RESTRICTED']) {
      const reply = await patch({ generalAccess })
      expect([reply.status, JSON.parse(reply.text).data.generalAccess]).toEqual([
        200,
        generalAccess,
      ])
      expect((await me(jane.token)).generalAccess).toBe(generalAccess)
    }
    expect((await patch({})).status).toBe(200)
  })

  it.each([
    ['a level that only stores can have', { generalAccess: 'ANYONE_WITH_NAME_CAN_READ' }],
    ['an unknown level', { generalAccess: 'restricted' }],
    ['a level that is a flag', { generalAccess: true }],
    ['a name', { username: 'june' }],
    ['more rights', { isAdmin: true }],
  ])('is not changed by %s', async (_, json) => {
    const before = await me(jane.token)
    const reply = await patch(json)
    expect([reply.status, errorTypeOf(reply)]).toEqual([400, 'invalid-value'])
    expect(await me(jane.token)).toEqual(before)
  })
})
