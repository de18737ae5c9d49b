import type { BrowserContext, Locator } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import type { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

const phone = { viewport: { width: 390, height: 844 } }

/** The page with the table of a new project with these pairs; in a new tab of `context`, if any. */
async function openTable(
  pairs: Readonly<Record<string, unknown>>,
  context?: BrowserContext,
): Promise<{ play: PlayPage; project: ApplabProject }> {
  const project = await ApplabProject.create(visits.server)
  const parameters = { key_values_json: JSON.stringify(pairs) }
  await project.asOwner('populate_key_values', { parameters })
  const play = await visits.openOwned(project, { context })
  await expect.poll(() => play.page.locator('#count').innerText()).toMatch(/pair/)
  return { play, project }
}

/** Evaluated in the page: how an element treats blanks, and how wide its text is. */
const styleAndWidth = new Function(
  'shown',
  `const all = document.createRange()
  all.selectNodeContents(shown)
  return [getComputedStyle(shown).whiteSpace, all.getBoundingClientRect().width]`,
) as (shown: unknown) => [space: string, width: number]

/** The row of a pair. */
function rowOf(play: PlayPage, key: string): Locator {
  return play.page.locator('#pairs tbody tr', { has: play.action('Edit', key) })
}

async function textOf(play: PlayPage, key: string): Promise<string[]> {
  return rowOf(play, key).locator('code').allInnerTexts()
}

async function boxOf(
  place: Locator,
): Promise<{ x: number; y: number; width: number; height: number }> {
  const box = await place.boundingBox()
  if (!box) throw new Error('The element is not visible.')
  return box
}

describe('keys and values', () => {
  it('that differ only by blanks look different', async () => {
    const keys = ['a b', 'a  b', 'a   b', ' a b', 'a b ']
    const { play } = await openTable({
      ...Object.fromEntries(keys.map((key) => [key, 1])),
      v: 'x   y',
    })
    const shown = play.page.locator('#pairs tbody tr:not(.add) th code')
    const sorted = [' a b', 'a   b', 'a  b', 'a b', 'a b ', 'v']
    expect(await shown.allInnerTexts()).toEqual(sorted.map((key) => JSON.stringify(key)))
    const looks = await Promise.all((await shown.all()).map((code) => code.evaluate(styleAndWidth)))
    for (const [space] of looks) expect(space).toMatch(/^pre/)
    // By the number of characters: 6, 7, 6, 5, 6 and 3. So two pairs need the dots.
    const [end, three, two, one, start] = looks.map(([, width]) => Math.round(width))
    expect([end, two, start]).toEqual([two, two, two])
    expect(new Set([one, two, three]).size).toBe(3)
    const dots = await Promise.all(
      (await shown.all()).map((code) => code.locator('.blank').allTextContents()),
    )
    expect(dots).toEqual([[' '], ['   '], ['  '], [], [' '], []])
    expect((await textOf(play, 'v'))[1]).toBe('"x   y"')
  })

  it('show characters that have no shape as escapes of JSON', async () => {
    const { play } = await openTable({
      'a\u00a0b': 1,
      'a\u200bb': 2,
      'a\u202eb': '\u2028',
      '\u3164': '👨‍👩‍👧 ❤️ 1️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿 می‌خواهم',
    })
    expect(await play.pairs()).toEqual([
      [String.raw`"a\u00a0b"`, '1'],
      [String.raw`"a\u200bb"`, '2'],
      [String.raw`"a\u202eb"`, String.raw`"\u2028"`],
      [String.raw`"\u3164"`, '"👨‍👩‍👧 ❤️ 1️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿 می‌خواهم"'],
    ])
  })

  it.each([
    ['a desk', {}],
    ['a phone', phone],
  ])('do not break within a token on %s, and can be shown whole', async (_, screen) => {
    const token = `word${'x'.repeat(200)}`
    const { play } = await openTable(
      { [token]: token, list: [1234567, 'name', token], short: 1 },
      await visits.newContext(screen),
    )
    for (const key of [token, 'list']) {
      const row = rowOf(play, key)
      // The parts of a token, with its ellipsis, are in one line.
      const linesOf = (
        tokens: readonly { getClientRects(): Iterable<{ y: number }> }[],
      ): number[] =>
        tokens.map((token) => new Set([...token.getClientRects()].map(({ y }) => y)).size)
      const lines = await row.locator('code span').evaluateAll(linesOf)
      expect(new Set(lines)).toEqual(new Set([1]))
      await row.getByRole('button', { name: 'Show all' }).click()
      for (const code of await row.locator('code').all()) {
        const hidden = await code.evaluate((shown) => shown.scrollWidth - shown.clientWidth)
        expect(hidden).toBe(0)
      }
      await row.getByRole('button', { name: 'Show less' }).click()
    }
    expect(await rowOf(play, 'short').getByRole('button', { name: 'Show all' }).isVisible()).toBe(
      false,
    )
    expect(await play.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
  })
})

describe('the table', () => {
  it('is visible at first, until it is hidden by hand', async () => {
    const { play } = await openTable({ a: 1 }, await visits.newContext())
    expect(await play.page.locator('#data').isVisible()).toBe(true)
    await play.button('Hide data').click()
    await play.page.reload()
    await play.button('View data').waitFor()
    expect(await play.page.locator('#data').isVisible()).toBe(false)
  })

  it('counts what the filter shows', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_200 }, (_, n) => [`key${n}`, n]))
    const { play } = await openTable(many)
    const count = play.page.locator('#count')
    expect(await count.innerText()).toBe('1,200 pairs')
    await play.field('Filter by key').fill('key119')
    expect(await count.innerText()).toBe('11 of 1,200 pairs')
    await play.field('Filter by key').fill('none')
    expect(await count.innerText()).toBe('0 of 1,200 pairs')
    await play.field('Filter by key').fill('')
    expect(await count.innerText()).toBe('1,200 pairs')
  })

  it('shows a pair that is added, even if the filter would hide it', async () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`key${n}`, n]))
    const { play } = await openTable(many)
    await play.field('Filter by key').fill('key1')
    await play.add('new', '1')
    await play.action('Edit', 'new').waitFor()
    expect(await play.field('Filter by key').inputValue()).toBe('')
  })
})

describe('a notice', () => {
  it('that a key has no value goes away when it has one', async () => {
    const { play, project } = await openTable({})
    await play.add('none', '')
    await expect.poll(() => play.page.locator('#notice').innerText()).toBe('"none" has no value.')
    await project.set('none', 1)
    await expect.poll(() => play.page.locator('#notice').isVisible()).toBe(false)
  })

  it('that the server does not answer goes away when it does', async () => {
    const { play } = await openTable({ a: 1 })
    await play.page.context().setOffline(true)
    await play.action('Delete', 'a').click()
    await play.add('b', '2')
    await expect.poll(async () => (await play.complaints()).length).toBeGreaterThan(1)
    await play.page.context().setOffline(false)
    await expect.poll(() => play.complaints()).toEqual([])
    expect(await play.field('Key of a new pair').inputValue()).toBe('b')
  })

  it('about a copied link is not there when the dialog is opened again', async () => {
    const { play } = await openTable({})
    await play.page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await play.shareLink()
    await play.button('Copy link').click()
    await expect.poll(() => play.page.locator('#copied').innerText()).toBe('Copied.')
    await play.button('Close').click()
    await play.shareLink()
    expect(await play.page.locator('#copied').innerText()).toBe('')
  })
})

describe('the share dialog', () => {
  it('says what to do so that others can open the link, step by step', async () => {
    const { play } = await openTable({})
    const { port } = new URL(visits.server.url)
    await play.shareLink()
    const said = await play.page.locator('#share-dialog').innerText()
    expect(said).toContain('This link works on this computer only.')
    expect(said).toContain('ipconfig')
    // Another folder, for example: without it, a new installation would start.
    expect(said).toContain('with the options that you used before, and with these')
    expect(said).toContain(`http://192.168.1.20:${port}/play`)
    expect(said).not.toMatch(/\.md\b/)
    await play.page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await play.button('Copy options').click()
    await expect
      .poll(() => play.page.evaluate('navigator.clipboard.readText()'))
      .toBe(`--host 0.0.0.0 --port ${port} --public-url http://192.168.1.20:${port}`)
  })
})

describe('a phone', () => {
  it('has buttons and fields of 44 pixels, with space between Edit and Delete', async () => {
    const context = await visits.newContext(phone)
    const { play } = await openTable({ name: 'Ada', long: 'word '.repeat(100) }, context)
    await play.action('Delete', 'name').click()
    await play.deleted('name').waitFor()
    await play.add('long', '1')
    await play.button('Replace it').waitFor()
    const controls = 'button:visible, select:visible, main input:visible'
    for (const control of await play.page.locator(controls).all()) {
      const { height } = await boxOf(control)
      expect(height, await control.evaluate((shown) => shown.outerHTML)).toBeGreaterThanOrEqual(44)
    }
    const [edit, remove] = await Promise.all(
      [play.action('Edit', 'long'), play.action('Delete', 'long')].map(boxOf),
    )
    if (!edit || !remove) throw new Error('There are no boxes.')
    const beside = remove.x - (edit.x + edit.width)
    const below = remove.y - (edit.y + edit.height)
    expect(Math.max(beside, below)).toBeGreaterThanOrEqual(8)
    expect(await play.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
  })
})
