import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Remote } from '../../support/network/remote.ts'
import { useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import { launchChromium } from '../../support/pages/chromium.ts'
import { ChangeStream } from '../../support/watching/change-stream.ts'

describe('the changes of a project', () => {
  const server = useTestServer()
  let project: ApplabProject

  beforeEach(async () => {
    const owner = { url: server.url(), token: server.token() }
    project = await ApplabProject.create(owner, { isOpen: false })
  })

  const urlOf = (query: string): string =>
    `${server.url()}/datablock_storage/${project.channelId}/changes?${query}`
  const ofPage = (query: string): string => urlOf(`${query}&pageKey=${project.pageKey}`)

  async function open(url: string): Promise<ChangeStream> {
    const stream = await ChangeStream.open(url)
    onTestFinished(() => stream.close())
    return stream
  }

  const refusal = (url: string): Promise<string> =>
    open(url).then(
      () => 'opened',
      (error) => error.message,
    )

  const set = (key: string, value: unknown) =>
    project.asPage('set_key_value', { parameters: { key, value: JSON.stringify(value) } })

  it('come to a page that names its keys', async () => {
    const stream = await open(ofPage('key=a&key=b'))
    expect((await stream.next())?.event).toBe('ready')
    await set('c', 1)
    await set('b', { name: 'Ada' })
    expect((await stream.next())?.data).toMatchObject({
      key: 'b',
      kind: 'put',
      value: { name: 'Ada' },
      door: 'applab',
    })
    await set('b', null)
    expect((await stream.next())?.data).toMatchObject({ key: 'b', kind: 'delete' })
  })

  it('under a prefix come only if the owner lets pages list it, and end with that right', async () => {
    expect(await refusal(ofPage('prefix=chat/'))).toMatch(/^401/)
    await project.change({ listPrefixes: ['chat/'] })
    expect(await refusal(ofPage('prefix=chat'))).toMatch(/^401/)
    const stream = await open(ofPage('prefix=chat/1'))
    await stream.next()
    await set('chat/2', 'no')
    await set('chat/1/a', 'yes')
    expect((await stream.next())?.data).toMatchObject({ key: 'chat/1/a', value: 'yes' })
    await project.change({ listPrefixes: [] })
    expect(await stream.next()).toMatchObject({ event: 'end', data: { type: 'LOGIN_REQUIRED' } })
    expect(await stream.next()).toBeUndefined()
  })

  it('name the users who made them to those who manage it, and to no page', async () => {
    const named = (token: string): string => urlOf(`who=1&token=${token}`)
    expect(await refusal(ofPage('key=a&who=1'))).toMatch(/^401/)
    expect(await refusal(urlOf('who=2'))).toMatch(/^400/)
    const me = await new Remote(server.url()).do('/v2/users/me', { token: server.token() })
    const stream = await open(named(server.token()))
    await stream.next()
    await set('a', 1)
    expect((await stream.next())?.data).toMatchObject({ key: 'a', door: 'applab', username: null })
    await project.set('a', 2)
    expect((await stream.next())?.data).toMatchObject({ username: me.data.username })
    const unnamed = await open(ofPage('key=a'))
    await unnamed.next()
    await project.set('a', 3)
    expect((await unnamed.next())?.data).not.toHaveProperty('username')
  })

  it('end when the page key is replaced', async () => {
    const streams = await Promise.all([open(ofPage('key=a')), open(ofPage('key=b'))])
    for (const stream of streams) await stream.next()
    await project.rotateKey()
    for (const stream of streams) {
      expect(await stream.next()).toMatchObject({
        event: 'end',
        data: { type: 'PAGE_KEY_INVALID' },
      })
      expect(await stream.next()).toBeUndefined()
    }
  })

  it('are refused without the page key, with too many keys, or with keys and a prefix', async () => {
    expect(await refusal(urlOf('key=a'))).toMatch(/^401/)
    const keys = Array.from({ length: 101 }, (_, number) => `key=${number}`).join('&')
    expect(await refusal(ofPage(keys))).toMatch(/^400/)
    expect(await refusal(ofPage(keys.slice(0, keys.lastIndexOf('&'))))).toBe('opened')
    expect(await refusal(ofPage('key=a&prefix=b'))).toMatch(/^400/)
    expect(await refusal(ofPage(`key=${'x'.repeat(701)}`))).toMatch(/^400/)
    expect(await refusal(ofPage('key=%ff'))).toMatch(/^400/)
    expect(await refusal(ofPage('key=a&after=x'))).toMatch(/^400/)
  })
})

describe('the pairs under a prefix', () => {
  const server = useTestServer()

  it('are listed for pages that may list it', async () => {
    const owner = { url: server.url(), token: server.token() }
    const project = await ApplabProject.create(owner, { isOpen: false, listPrefixes: ['a/'] })
    for (const key of ['a/1', 'a/2', 'b']) {
      await project.asPage('set_key_value', { parameters: { key, value: '1' } })
    }
    const list = (prefix: string) => project.asPage('list_key_values', { parameters: { prefix } })
    expect(JSON.parse((await list('a/')).text)).toEqual({ 'a/1': 1, 'a/2': 1 })
    expect((await list('a')).status).toBe(401)
    expect((await list('')).status).toBe(401)
    expect(JSON.parse((await list('a')).text).msg).toContain('may not list')
  })
})

describe("a page with Chromium's EventSource", () => {
  const server = useTestServer()
  let project: ApplabProject

  beforeAll(async () => {
    const owner = { url: server.url(), token: server.token() }
    project = await ApplabProject.create(owner, { isOpen: false })
  })

  it('gets the changes, and goes on by itself where the connection broke', async () => {
    const browser = await launchChromium()
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    // A document of the server's own origin without a policy: its pages may connect to nothing.
    await page.goto(`${server.url()}/health`)
    const url = `${server.url()}/datablock_storage/${project.channelId}/changes?key=a&pageKey=${project.pageKey}`
    await page.evaluate((address) => {
      const seen: unknown[] = []
      const source = new EventSource(address)
      source.addEventListener('ready', () => seen.push('ready'))
      source.addEventListener('change', (event: Event) => {
        seen.push(JSON.parse(Reflect.get(event, 'data')).value)
      })
      Object.assign(globalThis, { seen })
    }, url)
    const seen = (count: number): Promise<unknown> =>
      page
        .waitForFunction((least) => Reflect.get(globalThis, 'seen').length >= least, count)
        .then(() => page.evaluate(() => Reflect.get(globalThis, 'seen')))
    await seen(1)
    const set = (value: string) =>
      project.asPage('set_key_value', { parameters: { key: 'a', value } })
    await set('1')
    expect(await seen(2)).toEqual(['ready', 1])
    await page.context().setOffline(true)
    await set('2')
    await set('3')
    await page.context().setOffline(false)
    await set('4')
    const all = await page.waitForFunction(() => Reflect.get(globalThis, 'seen').includes(4))
    await all.dispose()
  })
})
