import { beforeAll, describe, expect, it } from 'vitest'
import { routes } from '../../../src/protocols/applab/routes.ts'
import { Remote } from '../../support/network/remote.ts'
import { useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'

const origin = 'https://school.example'

describe('pages of other origins', () => {
  const server = useTestServer()
  let project: ApplabProject
  let remote: Remote

  beforeAll(async () => {
    project = await ApplabProject.create({ url: server.url(), token: server.token() })
    remote = new Remote(server.url())
  })

  it.each(routes)('are allowed by preflight requests: $path', async ({ path, methods }) => {
    const url = path.replace(':channel', project.channelId)
    const headers = {
      Origin: origin,
      'Access-Control-Request-Method': Object.keys(methods)[0] ?? '',
      'Access-Control-Request-Headers': 'content-type,x-page-key,x-page-user',
    }
    const reply = await remote.send(url, { method: 'OPTIONS', headers })
    expect([reply.status, reply.text]).toEqual([204, ''])
    expect(reply.headers.get('access-control-allow-origin')).toBe('*')
    expect(reply.headers.get('access-control-allow-credentials')).toBe(null)
    expect(reply.headers.get('access-control-allow-methods')).toContain(Object.keys(methods)[0])
    expect(reply.headers.get('access-control-max-age')).toBe('86400')
    const allowed = reply.headers.get('access-control-allow-headers')?.split(', ')
    expect(allowed).toEqual([
      'Content-Type',
      'X-Requested-With',
      'X-CSRF-Token',
      'X-Page-Key',
      'X-Page-User',
      'If-Match',
      'If-None-Match',
      'Last-Event-ID',
      'Authorization',
      'Idempotency-Key',
    ])
  })

  it.each([200, 400, 401, 404, 405])('may read a reply with status %i', async (status) => {
    const asked = {
      200: '/get_key_value?key=k',
      400: '/get_key_value',
      401: '/get_key_values',
      404: '/none',
      405: '/set_key_value',
    }[status]
    const path = `/datablock_storage/${project.channelId}${asked}`
    const reply = await remote.send(path, { headers: { Origin: origin } })
    expect(reply.status).toBe(status)
    expect(reply.headers.get('access-control-allow-origin')).toBe('*')
    expect(reply.headers.get('access-control-allow-credentials')).toBe(null)
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff')
    const exposed = reply.headers.get('access-control-expose-headers')
    expect(exposed).toBe('ETag, X-Page-User, Retry-After, Idempotency-Replayed')
  })

  it('get the headers of GET for a HEAD request', async () => {
    await project.set('head', 'value')
    const parameters = { key: 'head' }
    const get = await project.send('get_key_value', { parameters })
    const head = await project.send('get_key_value', { parameters, method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    for (const name of ['etag', 'content-length', 'content-type', 'cache-control']) {
      expect(head.headers.get(name), name).toBe(get.headers.get(name))
    }
  })

  it('get an id for their user, and keep an id that they have', async () => {
    const parameters = { key: 'k', value: '1' }
    const first = await project.send('set_key_value', { parameters })
    const given = first.headers.get('x-page-user') ?? ''
    expect(given).toMatch(/^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{22}$/)
    const headers = { 'X-Page-User': given }
    for (const action of ['set_key_value', 'get_key_value']) {
      const again = await project.send(action, { parameters, headers })
      expect(again.headers.get('x-page-user'), action).toBe(null)
    }
    const asked = await project.send('user_id', { headers })
    expect([asked.status, JSON.parse(asked.text)]).toEqual([200, given.split('.')[0]])
  })

  it('get a new id in place of an invalid id, or of one of another project', async () => {
    const owner = { url: server.url(), token: server.token() }
    const other = await ApplabProject.create(owner)
    const given = (await other.send('user_id')).headers.get('x-page-user') ?? ''
    for (const wrong of [given, 'made.up', given.slice(0, 22), '']) {
      const reply = await project.send('user_id', { headers: { 'X-Page-User': wrong } })
      const fresh = reply.headers.get('x-page-user') ?? ''
      expect(fresh.slice(0, 22)).toBe(JSON.parse(reply.text))
      expect(fresh).not.toBe(given)
    }
  })

  it('get an id with a refusal too, but not without access', async () => {
    const refused = await project.send('get_key_value')
    expect(refused.status).toBe(400)
    expect(refused.headers.get('x-page-user')).not.toBe(null)
    const wrong = await project.send('get_key_value', { headers: { 'X-Page-Key': 'wrong' } })
    expect([wrong.status, wrong.headers.get('x-page-user')]).toEqual([401, null])
    const owner = await project.asOwner('get_key_value', { parameters: { key: 'k' } })
    expect(owner.headers.get('x-page-user')).toBe(null)
  })

  it('get different ids, however many ask at once', async () => {
    const replies = await Promise.all(Array.from({ length: 30 }, () => project.send('user_id')))
    expect(new Set(replies.map(({ text }) => text)).size).toBe(30)
  })
})
