import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAppLab } from '../app-lab.ts'

describe('the page key of a project', () => {
  const asked: IncomingHttpHeaders[] = []
  let server: Server

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.headers)
      response.end('null')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })

  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  /** The page key that a call sends. */
  async function sent(pageKey?: string): Promise<unknown> {
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const options = { baseUrl: `http://127.0.0.1:${port}`, channelId: 'channel', pageKey }
    await createAppLab(options).getKeyValue('k')
    return asked.at(-1)?.['x-page-key']
  }

  it('is sent along, unless it is missing or empty', async () => {
    expect(await sent('ck_page_1')).toBe('ck_page_1')
    expect(await sent()).toBeUndefined()
    expect(await sent('')).toBeUndefined()
  })
})
