import { setTimeout as sleep } from 'node:timers/promises'
import { ApifyClient } from 'apify-client'
import type { BrowserContext } from 'playwright-core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { CuttingProxy } from '../support/network/cutting-proxy.ts'
import { useApplabPages } from '../support/pages/applab-pages.ts'
import { ApplabProject } from '../support/pages/applab-project.ts'
import { pageScript } from '../support/pages/page-script.ts'
import type { Visit } from '../support/pages/page-site.ts'

// Many tabs share two processors with other tests.
vi.setConfig({ testTimeout: 60_000 })

const pages = useApplabPages()

interface Class {
  readonly project: ApplabProject
  readonly browser: BrowserContext
  /** Opens a tab with code of its own. */
  tab(code?: string): Promise<Visit>
  /** Opens a page with code of its own in place of the page before. */
  page(code?: string): Promise<Visit>
}

/** A project, and tabs of one browser that use it. */
async function openClass(settings = {}): Promise<Class> {
  const project = await ApplabProject.create(pages.server(), settings)
  const script = pageScript(pages.server().url, project)
  const browser = await pages.site().newBrowser()
  onTestFinished(() => browser.close())
  const html = (code: string): string => `${script}<script>\n${code}</script>`
  return {
    project,
    browser,
    tab: (code = '') => pages.site().visit(html(code), browser),
    page: (code = '') => pages.site().visitNext(html(code)),
  }
}

function storeOf({ storeId }: ApplabProject): ReturnType<ApifyClient['keyValueStore']> {
  const { url, token } = pages.server()
  return new ApifyClient({ baseUrl: url, token }).keyValueStore(storeId)
}

/** Notes what a listener is told, in `seen`. */
const watching = (key: string): string =>
  `const seen = []; onKeyValue(${JSON.stringify(key)}, (value) => { seen.push(value) })`

const lastSeen = (tab: Visit): Promise<unknown> => tab.evaluate('seen.at(-1)')

describe('functions that change a value by what it is', () => {
  it('count exactly: 3 tabs with 200 increments each', async () => {
    const { project, tab } = await openClass()
    const tabs = await Promise.all([tab(), tab(), tab()])
    const counted = tabs.map((one) =>
      one.evaluate(`(async () => {
        for (let at = 0; at < 20; at += 1) {
          await Promise.all(Array.from({ length: 10 }, () => incrementKeyValue('visits')))
        }
      })()`),
    )
    await Promise.all(counted)
    expect(await project.get('visits')).toBe(600)
  })

  it('keep the highest and the lowest score of all tabs', async () => {
    const { project, tab } = await openClass()
    const tabs = await Promise.all([tab(), tab(), tab()])
    await Promise.all(
      tabs.map((one, index) =>
        one.evaluate(`(async () => {
          for (let at = 0; at < 30; at += 1) {
            const score = (at * 37 + ${index} * 11) % 101
            maxKeyValue('high', score)
            await minKeyValue('low', score)
          }
          await getKeyValue('high')
        })()`),
      ),
    )
    const scores = [0, 1, 2].flatMap((index) =>
      Array.from({ length: 30 }, (_, at) => (at * 37 + index * 11) % 101),
    )
    expect(await project.get('high')).toBe(Math.max(...scores))
    expect(await project.get('low')).toBe(Math.min(...scores))
  })

  it('give back the new value, by callback or promise', async () => {
    const { page: open } = await openClass()
    const page = await open()
    const told = `new Promise((resolve) => incrementKeyValue('n', 5, resolve))`
    expect(await page.evaluate(told)).toBe(5)
    expect(await page.evaluate(`incrementKeyValue('n', -2)`)).toBe(3)
    expect(await page.evaluate(`appendKeyValue('list', 'a')`)).toEqual(['a'])
    expect(await page.evaluate(`appendKeyValue('list', 'b', { keepLast: 1 })`)).toEqual(['b'])
    const short = `new Promise((resolve) => appendKeyValue('list', 'c', resolve))`
    expect(await page.evaluate(short)).toEqual(['b', 'c'])
    expect(await page.evaluate(`deleteKeyValue('n')`)).toBeUndefined()
    expect(await page.evaluate(`getKeyValue('n')`)).toBeUndefined()
    expect(page.uncaught).toEqual([])
  })

  it('let two pages take turns: each gets another place', async () => {
    const { project, tab } = await openClass()
    const tabs = await Promise.all([tab(), tab(), tab()])
    const take = `updateKeyValue('players', (players = []) => [...players, 'XO-'[players.length]])
      .then((players) => players.length)`
    const places = await Promise.all(tabs.map((one) => one.evaluate(take)))
    expect(places.toSorted()).toEqual([1, 2, 3])
    expect(await project.get('players')).toEqual(['X', 'O', '-'])
    const [first] = tabs
    expect(await first?.evaluate(`updateKeyValue('players', () => undefined)`)).toBeUndefined()
    expect(await project.get('players')).toBeNull()
  })

  it('tell onError, or warn with the line, if the server refuses', async () => {
    const { project, page: open } = await openClass({
      rules: [{ prefix: 'up/', preset: 'only-raise' }],
    })
    await project.set('text', 'five')
    const page = await open(`
incrementKeyValue('text', 1, () => {})
incrementKeyValue('up/a', -1, undefined, (error) => console.log(error.type))
incrementKeyValue('n', 'x', undefined, () => {})`)
    await project.set('up/a', 5)
    await expect.poll(() => page.printed.length).toBeGreaterThanOrEqual(2)
    expect(page.printed).toContainEqual(
      expect.stringMatching(/^WARNING: Line: 3: "increment" needs a number/),
    )
    expect(page.printed).toContainEqual(
      'WARNING: Line: 5: incrementKeyValue() by parameter value (x) is not a number.',
    )
    const refused = `incrementKeyValue('up/a', -1).catch((error) => error.type)`
    expect(await page.evaluate(refused)).toBe('ONLY_RAISE')
    expect(await project.get('up/a')).toBe(5)
  })

  it('list the values that the owner lets pages list', async () => {
    const { project, page: open } = await openClass({ listPrefixes: ['scores/'] })
    await project.set('scores/a', 1)
    await project.set('scores/b', { deep: [2] })
    await project.set('secret', 3)
    const page = await open()
    expect(await page.evaluate(`listKeyValues('scores/')`)).toEqual({
      'scores/a': 1,
      'scores/b': { deep: [2] },
    })
    const refused = await page.evaluate(`listKeyValues('').catch((error) => error.message)`)
    expect(refused).toMatch(/owner/)
  })
})

describe('calls', () => {
  it('on one key run in the order in which they were made', async () => {
    const { project, page: open } = await openClass()
    const page = await open()
    const read = await page.evaluate(`(() => {
      const reads = []
      for (let at = 0; at < 30; at += 1) {
        setKeyValue('k', at)
        reads.push(getKeyValue('k'))
      }
      return Promise.all(reads)
    })()`)
    expect(read).toEqual(Array.from({ length: 30 }, (_, at) => at))
    expect(await project.get('k')).toBe(29)
  })

  it('survive that the page is left, on a page of another origin', async () => {
    const { project, page: open } = await openClass()
    const page = await open(`
addEventListener('pagehide', () => {
  for (let at = 0; at < 5; at += 1) setKeyValue('left', at)
  setKeyValue('other', 'x'.repeat(3000))
  incrementKeyValue('leavers')
})`)
    await page.page.goto('about:blank')
    await expect.poll(() => project.get('leavers')).toBe(1)
    await expect.poll(() => project.get('other')).toBe('x'.repeat(3_000))
    await expect.poll(() => project.get('left')).toBe(4)
  })

  it('need one preflight for all writes, and none for streams', async () => {
    const { tab } = await openClass()
    const page = await tab(watching('k'))
    const preflights: string[] = []
    const session = await page.page.context().newCDPSession(page.page)
    await session.send('Network.enable')
    session.on('Network.requestWillBeSent', ({ request, type }) => {
      if (type === 'Preflight' || request.method === 'OPTIONS') preflights.push(request.url)
    })
    await page.evaluate(`(async () => {
      for (let at = 0; at < 5; at += 1) await setKeyValue('k' + at, at)
    })()`)
    await page.evaluate(`Promise.all(['k1', 'k2', 'none'].map((key) => getKeyValue(key)))`)
    const paths = preflights.map((url) => new URL(url).pathname.split('/').at(-1))
    expect(paths.filter((path) => path !== 'set_key_value')).toEqual([])
    expect(new Set(paths).size).toBe(1)
    expect(paths.length).toBeLessThanOrEqual(2)
  })

  it('whose answer is lost are sent again, and count once', async () => {
    const { project } = await openClass()
    const proxy = await CuttingProxy.start(Number(new URL(pages.server().url).port))
    onTestFinished(() => proxy.stop())
    let isCut = false
    proxy.cutAt = (sent) => {
      if (isCut || !sent.toString().startsWith('POST')) return 'no'
      isCut = true
      return 'after'
    }
    const script = pageScript(`http://127.0.0.1:${proxy.port}`, project)
    const page = await pages.site().visitNext(script)
    const sums = `Promise.all([incrementKeyValue('n'), incrementKeyValue('n'), setKeyValue('m', 1)])`
    expect(await page.evaluate(sums)).toEqual([1, 2, undefined])
    expect(isCut).toBe(true)
    expect(await project.get('n')).toBe(2)
  })

  it('refuse half an emoji in the same words, whether they set or get', async () => {
    const { page: open } = await openClass()
    const page = await open()
    const messages = `Promise.all([
      setKeyValue('a\\ud83d', 1), getKeyValue('a\\ud83d'), incrementKeyValue('a\\ud83d'),
    ].map((call) => call.catch((error) => error.type + ': ' + error.message)))`
    const all = (await page.evaluate(messages)) as string[]
    expect(new Set(all)).toEqual(new Set(['KEY_INVALID: The key is not valid Unicode text']))
  })

  it('that store no number warn that the key is deleted', async () => {
    const { page: open } = await openClass()
    const page = await open(`
let count
setKeyValue('visits', count + 1, () => console.log('done'))`)
    await expect.poll(() => page.printed).toContain('done')
    const hint = 'Did you count with a value that was undefined?'
    expect(page.printed).toContain(
      `WARNING: Line: 4: setKeyValue() can't store NaN, so the key "visits" is deleted. ${hint}`,
    )
  })
})

describe('onKeyValue', () => {
  it('tells the value now, and each change of every tab and door', async () => {
    const { project, tab } = await openClass()
    await project.set('k', 'first')
    const [one, two] = await Promise.all([tab(watching('k')), tab(watching('k'))])
    await expect.poll(() => lastSeen(two)).toBe('first')
    await one.evaluate(`setKeyValue('k', { from: 'a tab' })`)
    await expect.poll(() => lastSeen(two)).toEqual({ from: 'a tab' })
    await expect.poll(() => lastSeen(one)).toEqual({ from: 'a tab' })
    const store = storeOf(project)
    await store.setRecord({ key: 'k', value: { from: 'Apify', long: 'x'.repeat(9_000) } })
    await expect.poll(() => two.evaluate('seen.at(-1).from')).toBe('Apify')
    expect(await two.evaluate('seen.at(-1).long.length')).toBe(9_000)
    await store.deleteRecord('k')
    await expect.poll(() => two.evaluate(`seen.at(-1) === undefined && seen.length`)).toBe(4)
  })

  it('stops when it is told to, and tells others on', async () => {
    const { project, page: open } = await openClass()
    const page = await open(`
const [a, b] = [[], []]
const stop = onKeyValue('k', (value) => { a.push(value) })
onKeyValue('k', (value) => { b.push(value) })`)
    await project.set('k', 1)
    await expect.poll(() => page.evaluate('b.at(-1)')).toBe(1)
    await page.evaluate('stop()')
    await project.set('k', 2)
    await expect.poll(() => page.evaluate('b.at(-1)')).toBe(2)
    expect(await page.evaluate('a.at(-1)')).toBe(1)
  })

  it('catches up after the connection was cut, without going back', async () => {
    const { project, browser, tab } = await openClass()
    const page = await tab(watching('n'))
    await project.set('n', 1)
    await expect.poll(() => lastSeen(page)).toBe(1)
    await browser.setOffline(true)
    for (let value = 2; value <= 30; value += 1) await project.set('n', value)
    await sleep(Number(process.env.COATCHECK_OFFLINE_MS ?? 1_500))
    await browser.setOffline(false)
    await expect.poll(() => lastSeen(page), { timeout: 20_000 }).toBe(30)
    await project.set('n', 31)
    await expect.poll(() => lastSeen(page)).toBe(31)
    const seen = ((await page.evaluate('seen')) as number[]).filter(Number.isFinite)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  })

  it('follows 8 tabs of a browser, whose calls go on', async () => {
    const { project, tab } = await openClass()
    const tabs = await Promise.all(Array.from({ length: 8 }, () => tab(watching('n'))))
    await Promise.all(tabs.map((one) => one.evaluate(`incrementKeyValue('n')`)))
    for (const one of tabs) await expect.poll(() => lastSeen(one), { timeout: 15_000 }).toBe(8)
    expect(await project.get('n')).toBe(8)
  })

  it('says why it ends when the project does', async () => {
    const { project, page: open } = await openClass()
    const page = await open(`
let told
onKeyValue('k', () => {}, (error) => { told = error.type })`)
    await expect.poll(() => page.evaluate('true')).toBe(true)
    await sleep(300)
    await storeOf(project).delete()
    await expect.poll(() => page.evaluate('told'), { timeout: 15_000 }).toBe('PROJECT_NOT_FOUND')
  })
})

describe('onKeyValues', () => {
  it('tells the values of a prefix now, and each change', async () => {
    const { project, page: open } = await openClass({ listPrefixes: ['scores/'] })
    await project.set('scores/a', 1)
    const page = await open(`
const scores = {}
onKeyValues('scores/', (key, value) => {
  if (value === undefined) delete scores[key]
  else scores[key] = value
})`)
    await expect.poll(() => page.evaluate('scores')).toEqual({ 'scores/a': 1 })
    await project.set('scores/b', 2)
    await project.set('scores/a', 3)
    await expect.poll(() => page.evaluate('scores')).toEqual({ 'scores/a': 3, 'scores/b': 2 })
    await project.set('scores/a', null)
    await project.set('other', 1)
    await expect.poll(() => page.evaluate('scores')).toEqual({ 'scores/b': 2 })
  })

  it('is refused clearly where the owner does not let pages list', async () => {
    const { page: open } = await openClass()
    const page = await open(`
onKeyValues('', () => {}, (error) => console.log(error.type))`)
    await expect.poll(() => page.printed).toEqual(['LOGIN_REQUIRED'])
  })
})
