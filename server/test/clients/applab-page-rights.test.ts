import { describe, expect, it } from 'vitest'
import { useApplabPages } from '../support/pages/applab-pages.ts'
import { ApplabProject } from '../support/pages/applab-project.ts'
import { pageScript } from '../support/pages/page-script.ts'

const pages = useApplabPages()

/** The argument of an onError, with any sentence. */
function refusal(type: string): unknown {
  return { onError: [{ msg: expect.stringMatching(/^[A-Z].{20,}\.$/), type }] }
}

describe('a page of another origin', () => {
  it('stores data with the page key', async () => {
    const project = await ApplabProject.create(pages.server(), { isOpen: false })
    const page = await pages.site().visitNext(pageScript(pages.server().url, project))
    expect(new URL(pages.site().url).origin).not.toBe(new URL(pages.server().url).origin)
    expect(await page.call('setKeyValue', `'key'`, `'value'`)).toEqual({ callback: [] })
    expect(await page.call('getKeyValue', `'key'`)).toEqual({ callback: ['value'] })
    expect(await project.get('key')).toBe('value')
  })

  it('needs no page key in a project that is open', async () => {
    const { channelId } = await ApplabProject.create(pages.server(), { isOpen: true })
    const page = await pages.site().visitNext(pageScript(pages.server().url, { channelId }))
    expect(await page.call('setKeyValue', `'key'`, `'value'`)).toEqual({ callback: [] })
    expect(await page.call('getKeyValue', `'key'`)).toEqual({ callback: ['value'] })
  })

  it.each([
    ['without the page key', undefined, false, 'PAGE_KEY_MISSING'],
    ['with a wrong page key', 'ck_page_wrong', false, 'PAGE_KEY_INVALID'],
    ['with a wrong page key to an open project', 'ck_page_wrong', true, 'PAGE_KEY_INVALID'],
  ])('%s is refused', async (_, pageKey, isOpen, type) => {
    const project = await ApplabProject.create(pages.server(), { isOpen })
    await project.set('key', 'before')
    const { channelId } = project
    const tag = pageScript(pages.server().url, { channelId, ...(pageKey && { pageKey }) })
    const page = await pages.site().visitNext(tag)
    expect(await page.call('setKeyValue', `'key'`, `'after'`)).toEqual(refusal(type))
    expect(await page.call('getKeyValue', `'key'`)).toEqual(refusal(type))
    expect(await page.evaluate(`[setKeyValueSync('key', 1), getKeyValueSync('key')]`)).toEqual([
      false,
      undefined,
    ])
    expect(await project.get('key')).toBe('before')
  })

  it('gets an error for an unknown project', async () => {
    const page = await pages
      .site()
      .visitNext(pageScript(pages.server().url, { channelId: 'nowhere/at all' }))
    expect(await page.call('getKeyValue', `'key'`)).toEqual(refusal('PROJECT_NOT_FOUND'))
  })
})

describe('a rule of a project', () => {
  it.each([
    ['read-only', undefined, `'new'`, 'READ_ONLY'],
    ['write-once', 'first', `'second'`, 'WRITE_ONCE'],
    ['append-only', 'begun', `'ended'`, 'APPEND_ONLY'],
    ['append-only', [1], '[2, 3]', 'APPEND_ONLY'],
    ['only-raise', 5, '4', 'ONLY_RAISE'],
    ['only-raise', 5, 'undefined', 'ONLY_RAISE'],
    ['own-keys-only', undefined, '1', 'OWN_KEYS_ONLY'],
  ])('with the preset %s, after %j, refuses %s', async (preset, before, value, type) => {
    const project = await ApplabProject.create(pages.server(), { rules: [{ prefix: 'k', preset }] })
    if (before !== undefined) await project.set('key', before)
    const page = await pages.site().visitNext(pageScript(pages.server().url, project))
    expect(await page.call('setKeyValue', `'key'`, value)).toEqual(refusal(type))
    expect(await page.call('getKeyValue', `'key'`)).toEqual({ callback: [before] })
    expect(await page.call('setKeyValue', `'other'`, value)).toEqual({ callback: [] })
    expect(page.printed).toEqual([])
  })

  it('applies if two pages write at once: the highest score stays', async () => {
    const rules = [{ key: 'highScore', preset: 'only-raise' }]
    const project = await ApplabProject.create(pages.server(), { rules })
    const tag = pageScript(pages.server().url, project)
    const players = [await pages.site().visit(tag), await pages.site().visit(tag)]
    const play = (scores: readonly number[]): string =>
      `Promise.allSettled(${JSON.stringify(scores)}.map((score) => setKeyValue('highScore', score)))`
    await Promise.all(players.map((page, which) => page.evaluate(play(scoresOf(which)))))
    for (const page of players) expect(await page.evaluate(`getKeyValue('highScore')`)).toBe(59)
  })

  /** The scores of one of two players: every other number up to 59. */
  function scoresOf(which: number): readonly number[] {
    return Array.from({ length: 30 }, (_, score) => score * 2 + which)
  }
})

describe('the id of a user', () => {
  /** The script of a page in whose project each page has its own keys below `notes/`. */
  async function ownNotes(): Promise<string> {
    const rules = [{ prefix: 'notes/', preset: 'own-keys-only' }]
    const project = await ApplabProject.create(pages.server(), { rules })
    return pageScript(pages.server().url, project)
  }

  it('is the same for all visits and pages of a browser, and differs between browsers', async () => {
    const tag = pageScript(pages.server().url, await ApplabProject.create(pages.server()))
    const browser = await pages.site().newBrowser()
    const first = await pages.site().visit(tag, browser)
    const id = await first.evaluate('getUserId()')
    expect(id).toMatch(/^[\w-]{22}$/)
    await first.evaluate(`setKeyValue('key', getUserId())`)
    await first.page.reload()
    expect(await first.evaluate('getUserId()')).toBe(id)
    const second = await pages.site().visit(tag, browser)
    expect(await second.evaluate('getUserId()')).toBe(id)
    const other = await pages.site().visit(tag)
    expect(await other.evaluate('getUserId()')).not.toBe(id)
  })

  it('differs between projects', async () => {
    const browser = await pages.site().newBrowser()
    const [here, there] = [
      await ApplabProject.create(pages.server()),
      await ApplabProject.create(pages.server()),
    ]
    const page = await pages.site().visit(pageScript(pages.server().url, here), browser)
    const other = await pages.site().visit(pageScript(pages.server().url, there), browser)
    expect(await page.evaluate('getUserId()')).not.toBe(await other.evaluate('getUserId()'))
  })

  it('comes with the first call, and is requested only without one', async () => {
    const page = await pages
      .site()
      .visitNext(pageScript(pages.server().url, await ApplabProject.create(pages.server())))
    const asked: string[] = []
    page.page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.evaluate(`Promise.all([getKeyValue('a'), getKeyValue('b'), setKeyValue('c', 1)])`)
    const id = await page.evaluate('getUserId()')
    expect(id).toMatch(/^[\w-]{22}$/)
    expect(await page.evaluate('getUserId()')).toBe(id)
    expect(asked.filter((path) => path.endsWith('user_id'))).toEqual([])
  })

  it('is that of the first reply, for any number of calls at once', async () => {
    const page = await pages.visit()
    const ids = `Promise.all(Array.from({ length: 20 }, (_, key) =>
      getKeyValue('key' + key).then(getUserId)))`
    const [first, ...others] = new Set([await page.evaluate(ids)].flat())
    expect(first).toMatch(/^[\w-]{22}$/)
    expect(others).toEqual([])
  })

  it('is replaced if the stored id is invalid', async () => {
    const page = await pages.visit()
    const id = await page.evaluate('getUserId()')
    await page.evaluate(`(() => {
      for (const name of Object.keys(localStorage)) localStorage.setItem(name, '✗')
    })()`)
    await page.page.reload()
    expect(await page.call('setKeyValue', `'key'`, '1')).toEqual({ callback: [] })
    expect(await page.evaluate('getUserId()')).toMatch(/^[\w-]{22}$/)
    expect(await page.evaluate('getUserId()')).not.toBe(id)
  })

  it('gives access to its own keys only', async () => {
    const tag = await ownNotes()
    const [mine, other] = [await pages.site().visit(tag), await pages.site().visit(tag)]
    const own = `'notes/' + getUserId()`
    expect(await mine.call('setKeyValue', own, `'mine'`)).toEqual({ callback: [] })
    expect(await mine.call('setKeyValue', `${own} + '/two'`, `'mine'`)).toEqual({ callback: [] })
    const key = JSON.stringify(`notes/${await mine.evaluate('getUserId()')}`)
    expect(await other.call('setKeyValue', key, `'theirs'`)).toEqual(refusal('OWN_KEYS_ONLY'))
    expect(await other.call('setKeyValue', key, 'null')).toEqual(refusal('OWN_KEYS_ONLY'))
    expect(await other.call('getKeyValue', key)).toEqual({ callback: ['mine'] })
    expect(await mine.call('setKeyValue', own, 'null')).toEqual({ callback: [] })
  })

  it('cannot be forged', async () => {
    const tag = await ownNotes()
    const [mine, thief] = [await pages.site().visit(tag), await pages.site().visit(tag)]
    const id = String(await mine.evaluate('getUserId()'))
    await thief.evaluate('getUserId()')
    const claim = `for (const name of Object.keys(localStorage)) {
      localStorage.setItem(name, localStorage.getItem(name).replace(/^[^.]*/, '${id}'))
    }`
    await thief.evaluate(`(() => { ${claim} })()`)
    expect(await thief.evaluate('getUserId()')).toBe(id)
    const key = JSON.stringify(`notes/${id}`)
    expect(await thief.call('setKeyValue', key, '1')).toEqual(refusal('OWN_KEYS_ONLY'))
    // The server gave a new id instead.
    expect(await thief.evaluate('getUserId()')).not.toBe(id)
  })

  it('lasts as long as the page if the browser stores nothing', async () => {
    const tag = await ownNotes()
    const script = `<script>
      const own = 'notes/' + getUserId()
      setKeyValue(own, 1, () => console.log(own === 'notes/' + getUserId()))
    </script>`
    const address = pages.site().add(tag + script)
    const page = await pages
      .site()
      .visitNext(`<iframe sandbox="allow-scripts" src="${address}"></iframe>`)
    await expect.poll(() => page.printed).toEqual(['true'])
    expect(page.uncaught).toEqual([])
  })
})

describe('a page exported from App Lab that sends its own requests', () => {
  /** Requests like those of App Lab's own storage client. */
  const client = (url: string): string => `
    async function call(method, name, params) {
      const isGet = method === 'GET'
      const query = isGet ? '?' + new URLSearchParams(params) : ''
      const response = await fetch('${url}/' + name + query, {
        method,
        headers: {
          'Content-Type': 'application/json',
          'X-Requested-With': 'XMLHttpRequest',
          'X-CSRF-Token': 'none',
        },
        credentials: 'same-origin',
        body: isGet ? undefined : JSON.stringify(params),
      })
      if (!response.ok) throw await response.json()
      return response.json()
    }`

  it('works from another origin in a project that is open', async () => {
    const { channelId } = await ApplabProject.create(pages.server(), { isOpen: true })
    const url = `${pages.server().url}/datablock_storage/${channelId}`
    const page = await pages.site().visitNext(`<script>${client(url)}</script>`)
    const value = JSON.stringify(JSON.stringify('🎉'))
    expect(
      await page.evaluate(`call('POST', 'set_key_value', { key: '__proto__', value: ${value} })`),
    ).toEqual({ key: '__proto__', value: '🎉' })
    expect(await page.evaluate(`call('GET', 'get_key_value', { key: '__proto__' })`)).toBe('🎉')
    expect(await page.evaluate(`call('GET', 'get_key_value', { key: 'none' })`)).toBe(null)
    const refused = `call('GET', 'get_key_values', {}).catch(({ msg, type }) => [typeof msg, type])`
    expect(await page.evaluate(refused)).toEqual(['string', 'LOGIN_REQUIRED'])
  })
})
