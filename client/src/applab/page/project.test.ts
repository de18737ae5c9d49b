import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAppLab } from '../app-lab.ts'

describe('the page key of a project', () => {
  const asked: IncomingMessage[] = []
  let server: Server

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request)
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
  async function sent(call: 'getKeyValue' | 'setKeyValue', pageKey?: string): Promise<unknown> {
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const options = { baseUrl: `http://127.0.0.1:${port}`, channelId: 'channel', pageKey }
    const lab = createAppLab(options)
    await (call === 'getKeyValue' ? lab.getKeyValue('k') : lab.setKeyValue('k', 1))
    const { headers = {}, url = '' } = asked.at(-1) ?? {}
    return headers['x-page-key'] ?? new URL(url, 'http://host').searchParams.get('pageKey')
  }

  it.each(['getKeyValue', 'setKeyValue'] as const)(
    'is sent along with %s, unless it is missing or empty',
    async (call) => {
      expect(await sent(call, 'ck_page_1')).toBe('ck_page_1')
      expect(await sent(call)).toBeNull()
      expect(await sent(call, '')).toBeNull()
    },
  )
})
