import { beforeAll, describe, expect, it } from 'vitest'
import { ownerRequests } from '../../support/network/plain-request.ts'
import { useTestServer } from '../../support/network/test-server.ts'

/** Apify's own message comes first, because programs may look for it. */
const apifyText = /^Record key contains invalid character\. /
const apifyName =
  /^Invalid value provided in store: name can only contain letters .*'my-value-1'\)\. /

describe('the refusal of a key or a name says what is wrong with it', () => {
  const server = useTestServer()
  const ask = ownerRequests(server)
  let store = ''

  beforeAll(async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('key-messages')
    store = `/v2/key-value-stores/${id}`
  })

  async function refusalOf(method: string, target: string): Promise<string> {
    const reply = await ask(target, { method, body: method === 'DELETE' ? '' : 'x' })
    const { error } = JSON.parse(reply.body.toString())
    expect([reply.status, error.type]).toEqual([400, expect.stringMatching(/^invalid-/)])
    return error.message
  }

  it.each([
    ['price:100', 'Character 6, ":",'],
    ['a b', 'Character 2, " " (U+0020),'],
    ['a/b', 'Character 2, "/",'],
    ['é', 'Character 1, "é" (U+00E9),'],
    ['ab😀', 'Character 3, "😀" (U+1F600),'],
    ['tab\there', 'Character 4, "\\t" (U+0009),'],
    ['zero\u200bwidth', '(U+200B),'],
  ])('the character of %j', async (key, named) => {
    for (const method of ['PUT', 'POST']) {
      const message = await refusalOf(method, `${store}/records/${encodeURIComponent(key)}`)
      expect(message).toMatch(apifyText)
      expect(message).toContain(named)
      expect(message).toContain('/record?key=')
    }
  })

  it('how long a key is, and how long it may be', async () => {
    const message = await refusalOf('PUT', `${store}/records/${'k'.repeat(257)}`)
    expect(message).toMatch(apifyText)
    expect(message).toContain('257 characters, and at most 256')
    const both = await refusalOf('PUT', `${store}/records/:${'k'.repeat(299)}`)
    expect(both).toMatch(/":".*300 characters, and at most 256/)
    const longest = await refusalOf('PUT', `${store}/record?key=${'k'.repeat(2_401)}`)
    expect(longest).toMatch(/at most 2400 bytes of UTF-8, this one 2401/)
  })

  it("reaches Apify's client", async () => {
    const client = server.client().keyValueStore(store.split('/')[3] ?? '')
    await expect(client.setRecord({ key: 'a:b', value: 1 })).rejects.toMatchObject({
      type: 'invalid-record-key',
      message: expect.stringMatching(/^Record key contains invalid character.*":"/),
    })
  })

  it.each([
    ['a_b', 'The name "a_b" contains "_".'],
    ['a b', 'The name "a b" contains " ".'],
    ['-a', 'The name "-a" begins or ends with a hyphen.'],
    ['a-', 'The name "a-" begins or ends with a hyphen.'],
    ['a'.repeat(64), 'The name has 64 characters, and at most 63 are possible.'],
  ])('the name %j', async (name, reason) => {
    const target = `/v2/key-value-stores?name=${encodeURIComponent(name)}`
    const reply = await ask(target, { method: 'POST' })
    const { error } = JSON.parse(reply.body.toString())
    expect([reply.status, error.type]).toEqual([400, 'invalid-value'])
    expect(error.message).toMatch(apifyName)
    expect(error.message.endsWith(reason)).toBe(true)
  })

  it.each(['.', '..', '%2e', '%2e%2e', '.%2E', '%2E.'])(
    'a key that no path can carry: %s',
    async (spelling) => {
      // Sent as it is: `plainRequest` does not normalise paths.
      for (const method of ['PUT', 'POST', 'DELETE', 'GET']) {
        const message = await refusalOf(method, `${store}/records/${spelling}`)
        expect(message).toMatch(apifyText)
        expect(message).toMatch(/The key "\.{1,2}" is possible at \/record\?key= only\.$/)
      }
      const head = await ask(`${store}/records/${spelling}`, { method: 'HEAD' })
      expect(head.status).toBe(400)
      expect((await ask(store)).status).toBe(200)
    },
  )
})
