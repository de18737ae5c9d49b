import { beforeAll, describe, expect, it } from 'vitest'
import type { Answered } from '../../support/network/remote.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

describe('the own keys of a page', () => {
  const { server, people, jane } = useTestPeople({}, 'jane', 'joe')
  let project: ApplabProject

  beforeAll(async () => {
    const rules = [{ prefix: '', preset: 'own-keys-only' }]
    project = await ApplabProject.create({ url: server.url(), token: jane.token }, { rules })
  })

  it('stay its own when a user loses the right to write, and when links become invalid', async () => {
    const given = await project.send('user_id')
    const headers = { 'X-Page-User': given.headers.get('x-page-user') ?? '' }
    const set = (value: number): Promise<Answered> => {
      const parameters = { key: JSON.parse(given.text), value: `${value}` }
      return project.send('set_key_value', { parameters, headers })
    }
    expect((await set(1)).status).toBe(200)
    await people.share(jane, project.storeId, { joe: 'write' })
    await people.share(jane, project.storeId, { joe: null })
    expect((await set(2)).status).toBe(200)
    const path = `/v2/key-value-stores/${project.storeId}/signing-secret`
    await people.remote.do(path, { method: 'POST', token: jane.token })
    expect((await set(3)).status).toBe(200)
    expect(await project.get(JSON.parse(given.text))).toBe(3)
  })

  it('are lost when the project is removed and made again', async () => {
    const given = await project.send('user_id')
    const headers = { 'X-Page-User': given.headers.get('x-page-user') ?? '' }
    const path = `/v2/key-value-stores/${project.storeId}`
    const patch = async (json: object) =>
      (await people.remote.do(path, { method: 'PATCH', token: jane.token, json })).data
    await patch({ project: false })
    const { channelId } = await patch({ project: true })
    const rules = [{ prefix: '', preset: 'own-keys-only' }]
    await people.remote.do(`/coatcheck/v1/projects/${channelId}`, {
      method: 'PATCH',
      token: jane.token,
      json: { rules },
    })
    const refused = await people.remote.send(`/datablock_storage/${channelId}/set_key_value`, {
      method: 'POST',
      json: { key: JSON.parse(given.text), value: '1' },
      headers,
    })
    expect(refusalOf(refused)).toEqual({ status: 403, type: 'OWN_KEYS_ONLY' })
  })
})
