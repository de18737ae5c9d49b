import { describe, expect, it } from 'vitest'
import { useTestServer } from '../../support/network/test-server.ts'

describe('parts of the Apify platform that Coatcheck does not have', () => {
  const server = useTestServer()

  const send = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { Authorization: `Bearer ${server.token()}`, ...init.headers }
    return fetch(`${server.url()}${path}`, { ...init, headers })
  }
  const errorOf = async (response: Response): Promise<unknown> => {
    const { error } = JSON.parse(await response.text())
    return [response.status, error]
  }

  it('are not found by the client, which accepts that', async () => {
    const client = server.client()
    expect(await client.run('RUN').get()).toBeUndefined()
    expect(await client.actor('jane/act').get()).toBeUndefined()
    expect(await client.task('jane/task').get()).toBeUndefined()
    const ofRun = client.run('RUN').keyValueStore()
    const ofActor = client.actor('jane/act').lastRun({ status: 'SUCCEEDED' }).keyValueStore()
    const ofTask = client.task('jane/task').lastRun().keyValueStore()
    for (const store of [ofRun, ofActor, ofTask]) {
      expect(await store.get()).toBeUndefined()
      expect(await store.getRecord('OUTPUT')).toBeUndefined()
      expect(await store.recordExists('OUTPUT')).toBe(false)
      await expect(store.setRecord({ key: 'A', value: 1 })).rejects.toMatchObject({
        statusCode: 404,
        type: 'record-not-found',
      })
      await expect(store.listKeys()).rejects.toMatchObject({ statusCode: 404 })
    }
  })

  it.each([
    ['/v2/actor-runs/RUN', 'Actor run was not found'],
    ['/v2/actor-runs/RUN/key-value-store', 'Actor run was not found'],
    ['/v2/actor-runs/RUN/key-value-store/', 'Actor run was not found'],
    ['/v2/actor-runs/RUN/key-value-store/keys', 'Actor run was not found'],
    ['/v2/actor-runs/RUN/key-value-store/records', 'Actor run was not found'],
    ['/v2/actor-runs/RUN/key-value-store/records/OUTPUT', 'Actor run was not found'],
    ['/v2/actor-runs/RUN/metamorph', 'Actor run was not found'],
    ['/v2/actors/jane~act/runs/last/key-value-store', 'Actor was not found'],
    ['/v2/acts/jane~act/runs/last/key-value-store/records/A', 'Actor was not found'],
    ['/v2/actor-tasks/jane~task/runs/last/key-value-store/keys', 'Actor task was not found'],
    ['/v2/actor-runtime/dev-folder/ACTOR', 'Actor runtime was not found'],
  ])('are not found by any method: %s', async (path, message) => {
    for (const method of ['GET', 'PUT', 'POST', 'DELETE']) {
      const response = await send(path, { method })
      expect(await errorOf(response), method).toEqual([404, { type: 'record-not-found', message }])
    }
    expect((await send(path, { method: 'HEAD' })).status).toBe(404)
    expect((await send(path, { method: 'OPTIONS' })).status).toBe(204)
    expect((await fetch(server.url() + path)).status).toBe(404)
  })

  it('need a valid token if one is sent', async () => {
    const headers = { Authorization: 'Bearer wrong' }
    const response = await send('/v2/actor-runs/RUN/key-value-store', { headers })
    expect(await errorOf(response)).toMatchObject([401, { type: 'user-or-token-not-found' }])
  })

  it('have another error than an unknown page', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('platform')
    await server.client().keyValueStore(id).setRecord({ key: 'A', value: 1 })
    const beside = ['/v2/actors', '/v2/actor-runs', '/v2/actor-runs/', '/v2/actor-runsRUN/x']
    const others = ['/v2/datasets/D', '/v2/request-queues/Q', '/v2/key-value-store/records/A']
    const legacy = `/v2/key-value-stores/${id}/records/A/direct-upload-url`
    for (const path of [...beside, ...others, '/actors/A', '/v2/constructor/x', legacy]) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const error = { type: 'page-not-found' }
        expect(await errorOf(await send(path, { method })), path).toMatchObject([404, error])
      }
    }
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
