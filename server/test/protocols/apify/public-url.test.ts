import { describe, expect, it } from 'vitest'
import { useTestServer } from '../../support/network/test-server.ts'

const publicUrl = 'https://store.example.com/kept'

describe('a server with another public URL', () => {
  const server = useTestServer({ publicUrl })

  it('returns only links to its public URL', async () => {
    const headers = { Authorization: `Bearer ${server.token()}` }
    const made = await fetch(`${server.url()}/v2/key-value-stores?name=links`, {
      method: 'POST',
      headers,
    })
    const { data } = JSON.parse(await made.text())
    const storeUrl = `${publicUrl}/v2/key-value-stores/${data.id}`
    expect(made.headers.get('location')).toBe(storeUrl)
    const own = `${server.url()}/v2/key-value-stores/${data.id}`
    const put = await fetch(`${own}/records/KEY`, { method: 'PUT', headers, body: 'value' })
    expect(put.headers.get('location')).toBe(`${storeUrl}/records/KEY`)
    const listed = await fetch(`${own}/keys`, { headers })
    const [item] = JSON.parse(await listed.text()).data.items
    const links = [data.keysPublicUrl, data.recordsPublicUrl, item.recordPublicUrl]
    expect(links.filter((link) => !link.startsWith(`${storeUrl}/`))).toEqual([])
    expect(data.consoleUrl.startsWith(publicUrl)).toBe(true)
  })

  it('signs links that a proxy can forward', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('links')
    const store = server.client().keyValueStore(id)
    await store.setRecord({ key: 'KEY', value: 'value' })
    const { items } = await store.listKeys()
    const { pathname, search } = new URL(items[0]?.recordPublicUrl ?? '')
    const passedOn = server.url() + pathname.replace('/kept', '') + search
    expect(await (await fetch(passedOn)).text()).toBe('value')
  })
})
