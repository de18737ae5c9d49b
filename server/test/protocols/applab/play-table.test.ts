import type { BrowserContext, Locator } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import type { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

/** The page with the table of a new project with these pairs; in a new tab of `context`, if any. */
async function openTable(
  pairs: Readonly<Record<string, unknown>> = {},
  context?: BrowserContext,
): Promise<{ play: PlayPage; project: ApplabProject }> {
  const project = await ApplabProject.create(visits.server)
  for (const [key, value] of Object.entries(pairs)) await project.set(key, value)
  const play = await visits.openOwned(project, { context })
  await play.viewData()
  return { play, project }
}

describe('the table', () => {
  it('shows keys in quotes and values as JSON, in the order of keys', async () => {
    const { play } = await openTable({
      text: 'a "quote"',
      number: -1.5,
      '10': true,
      '9': [1, { a: null }],
      __proto__x: {},
      '🎉': '<b>',
    })
    await expect
      .poll(() => play.pairs())
      .toEqual([
        ['"10"', 'true'],
        ['"9"', '[1,{"a":null}]'],
        ['"__proto__x"', '{}'],
        ['"number"', '-1.5'],
        ['"text"', String.raw`"a \"quote\""`],
        ['"🎉"', '"<b>"'],
      ])
    expect(await play.page.locator('#pairs thead th').allInnerTexts()).toEqual([
      'Key',
      'Value',
      'Actions',
    ])
    expect(await play.page.getByRole('table', { name: 'Key/Value pairs' }).count()).toBe(1)
    expect(await play.page.locator('#count').innerText()).toBe('6 pairs')
  })

  it('has only a row for new pairs at first', async () => {
    const { play } = await openTable()
    await expect.poll(() => play.page.locator('#count').innerText()).toBe('0 pairs')
    expect(await play.pairs()).toEqual([])
    expect(await play.field('Key of a new pair').getAttribute('placeholder')).toBe('name')
    const placeholder = await play.field('Value of a new pair').getAttribute('placeholder')
    expect(placeholder).toBe('5 or "text"')
    expect(await play.button('Add pair').isVisible()).toBe(true)
  })

  it('shows changes by others', async () => {
    const { play, project } = await openTable({ score: 1 })
    await expect.poll(() => play.pairs()).toEqual([['"score"', '1']])
    await project.set('score', 2)
    await project.set('more', 'text')
    await expect
      .poll(() => play.pairs())
      .toEqual([
        ['"more"', '"text"'],
        ['"score"', '2'],
      ])
    await project.asOwner('delete_key_value', { parameters: { key: 'score' } })
    await expect.poll(() => play.pairs()).toEqual([['"more"', '"text"']])
  })

  it('shows the changes of a program that sets many pairs', async () => {
    const { play } = await openTable({ gone: 1 })
    await play.writeAndRun(`
setKeyValue('gone', undefined, () => {
  for (let n = 0; n < 30; n += 1) setKeyValue('n' + (n % 3), n, () => console.log(n))
})`)
    await expect.poll(() => play.printed()).toHaveLength(30)
    await expect
      .poll(async () => (await play.pairs()).map(([key]) => key))
      .toEqual(['"n0"', '"n1"', '"n2"'])
  })

  it('filters many pairs by their keys, and shows more of them when asked', async () => {
    const { play, project } = await openTable()
    const many = Object.fromEntries(Array.from({ length: 450 }, (_, n) => [`key${n}`, n]))
    const parameters = { key_values_json: JSON.stringify(many) }
    await project.asOwner('populate_key_values', { parameters })
    await expect.poll(() => play.page.locator('#count').innerText()).toBe('450 pairs')
    expect(await play.pairs()).toHaveLength(200)
    await play.page.locator('#more').click()
    expect(await play.pairs()).toHaveLength(400)
    await play.field('Filter by key').fill('KEY44')
    expect((await play.pairs()).map(([, value]) => Number(value))).toEqual([
      44, 440, 441, 442, 443, 444, 445, 446, 447, 448, 449,
    ])
  })

  it('says that the server does not answer, and continues when it does', async () => {
    const { play, project } = await openTable({ key: 1 })
    await expect.poll(() => play.pairs()).toHaveLength(1)
    await play.page.context().setOffline(true)
    await expect.poll(() => play.complaints()).toEqual([expect.stringContaining('not answer')])
    await project.set('key', 2)
    await play.page.context().setOffline(false)
    await expect.poll(() => play.complaints()).toEqual([])
    await expect.poll(() => play.pairs()).toEqual([['"key"', '2']])
  })

  it('says so too if there is no answer for ten seconds', async () => {
    const { play } = await openTable({ key: 1 }, await visits.newContext())
    await play.page.clock.install()
    await play.page.route('**/get_key_values', () => undefined)
    await play.page.waitForRequest('**/get_key_values')
    await play.page.clock.runFor(10_000)
    await expect.poll(() => play.complaints()).toEqual([expect.stringContaining('not answer')])
    await play.page.unroute('**/get_key_values')
    await play.page.clock.runFor(1_000)
    await expect.poll(() => play.complaints()).toEqual([])
  })
})

describe('a pair that is added', () => {
  it('may have a value of every kind', async () => {
    const { play, project } = await openTable()
    const values: readonly (readonly [typed: string, value: unknown])[] = [
      ['5', 5],
      [' -0.5 ', -0.5],
      ['1e3', 1000],
      ['true', true],
      ['"abc"', 'abc'],
      ['"5"', '5'],
      ['[1, {"a": null}]', [1, { a: null }]],
    ]
    for (const [index, [typed, value]] of values.entries()) {
      await play.add(`key ${index}`, typed)
      await expect.poll(() => project.get(`key ${index}`), { message: typed }).toEqual(value)
      const shown = [`"key ${index}"`, typed.trim()]
      await expect.poll(async () => (await play.pairs())[index], { message: typed }).toEqual(shown)
      expect(await play.field('Key of a new pair').inputValue()).toBe('')
      expect(await play.field('Value of a new pair').inputValue()).toBe('')
    }
  })

  it('cannot have a value that is no JSON: the page asks what is meant', async () => {
    const { play, project } = await openTable()
    const values: readonly (readonly [typed: string, meant: string])[] = [
      ['abc', '"abc"'],
      ["'x'", '"x"'],
      ['“smart”', '"smart"'],
      ['"open', String.raw`"\"open"`],
      ['say "hi"', String.raw`"say \"hi\""`],
      [`6'2"`, String.raw`"6'2\""`],
      ["rock 'n'", `"rock 'n'"`],
      ["'Twas", `"'Twas"`],
      ['NaN', '"NaN"'],
      ['TRUE', 'true'],
      ['01', '1'],
      ['.5', '0.5'],
      ['+1', '1'],
    ]
    for (const [index, [typed, meant]] of values.entries()) {
      const key = `key ${index}`
      await play.add(key, typed)
      await expect.poll(() => play.complaints(), { message: typed }).toHaveLength(1)
      expect(await project.get(key)).toBe(null)
      expect(await play.field('Key of a new pair').inputValue()).toBe(key)
      expect(await play.field('Value of a new pair').inputValue()).toBe(typed)
      await play.button(meant).click()
      await play.page.keyboard.press('Enter')
      await expect.poll(() => project.get(key), { message: typed }).toEqual(JSON.parse(meant))
      expect(await play.complaints()).toEqual([])
    }
  })

  it('says what is wrong with a list or an object', async () => {
    const { play } = await openTable()
    await play.add('key', '[1, 2')
    await expect.poll(() => play.complaints()).toEqual([expect.stringContaining('mistake in this')])
    expect(await play.field('Value of a new pair').inputValue()).toBe('[1, 2')
  })

  it('is deleted by an empty value, undefined and null', async () => {
    const { play, project } = await openTable({ there: 1 })
    for (const typed of ['', '   ', 'undefined', 'null']) {
      await play.add('none', typed)
      await expect
        .poll(() => play.field('Key of a new pair').inputValue(), { message: typed })
        .toBe('')
      expect(await project.get('none')).toBe(null)
      await play.add('there', typed)
      await expect.poll(() => project.get('there'), { message: typed }).toBe(null)
      await play.button('Undo').click()
      await expect.poll(() => project.get('there'), { message: typed }).toBe(1)
    }
  })

  it('replaces the value of its key when asked; without a key the page asks for one', async () => {
    const { play, project } = await openTable({ there: 1 })
    await play.add('', '2')
    await expect.poll(() => play.complaints()).toEqual(['Type a key first.'])
    await play.field('Key of a new pair').fill('t')
    expect(await play.complaints()).toEqual([])
    await play.add('there', '2')
    await play.button('Replace it').click()
    await expect.poll(() => play.pairs()).toEqual([['"there"', '2']])
    expect(Object.keys(await project.all())).toEqual(['there'])
  })

  it('keeps the typed text if the server refuses it', async () => {
    const { play } = await openTable()
    const long = 'k'.repeat(701)
    await play.add(long, '1')
    await expect
      .poll(() => play.complaints())
      .toEqual(["The key is too large, it must be shorter than 700 bytes ('characters')"])
    expect(await play.field('Key of a new pair').inputValue()).toBe(long)
    await play.add('key', JSON.stringify('v'.repeat(4095)))
    await expect
      .poll(() => play.complaints())
      .toEqual(["The value is too large, it must be shorter than 4096 bytes ('characters')"])
    await play.page.keyboard.press('Escape')
    expect(await play.field('Key of a new pair').inputValue()).toBe('')
    expect(await play.complaints()).toEqual([])
  })
})

describe('a phone', () => {
  it.each([
    [844, 390],
    [390, 844],
  ])(
    'of %i by %i pixels shows the table below the program, with room to type',
    async (width, height) => {
      const context = await visits.newContext({ viewport: { width, height } })
      const { play } = await openTable({ name: 'Ada' }, context)
      const [code, data] = await Promise.all(
        ['#code', '#data'].map((id) => boxOf(play.page.locator(id))),
      )
      expect(data?.y).toBeGreaterThan((code?.y ?? 0) + (code?.height ?? 0) - 1)
      for (const label of ['Key of a new pair', 'Value of a new pair']) {
        expect((await boxOf(play.field(label))).width).toBeGreaterThan(80)
      }
      const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
      expect(await play.page.evaluate(overflow)).toBe(0)
    },
  )
})

describe('an error message', () => {
  it('disappears when the field changes, or when another edit begins', async () => {
    const { play } = await openTable({ there: 1, other: 2 })
    await play.add('key', 'text')
    await expect.poll(() => play.complaints()).toHaveLength(1)
    await play.field('Value of a new pair').fill('texts')
    expect(await play.complaints()).toEqual([])
    await play.page.keyboard.press('Enter')
    await expect.poll(() => play.complaints()).toHaveLength(1)
    await play.action('Edit', 'there').click()
    expect(await play.complaints()).toEqual([])
    expect(await play.field('Value of a new pair').inputValue()).toBe('texts')
  })

  it('about a delete spans the whole table', async () => {
    const { play, project } = await openTable({ there: 1, other: 2 })
    await play.page.context().setOffline(true)
    await play.action('Delete', 'other').click()
    const said = play.page.locator('tr.said:not([hidden]) td')
    await expect.poll(() => said.innerText()).toContain('not answer')
    const [row, table] = await Promise.all([said, play.page.locator('#pairs')].map(boxOf))
    expect(row?.width).toBeGreaterThan((table?.width ?? 0) - 5)
    await play.page.context().setOffline(false)
    await play.action('Delete', 'there').click()
    await expect.poll(() => project.all()).toEqual({ other: 2 })
    await expect.poll(() => said.count()).toBe(0)
    await expect.poll(() => play.pairs()).toEqual([['"other"', '2']])
  })
})

type Box = NonNullable<Awaited<ReturnType<Locator['boundingBox']>>>

async function boxOf(place: Locator): Promise<Box> {
  const box = await place.boundingBox()
  if (!box) throw new Error('The element is not visible.')
  return box
}

describe('a long value', () => {
  it('is cut off until all of it is requested, and edited in several lines', async () => {
    const long = `${'word '.repeat(100)}end`
    const { play, project } = await openTable({ long, short: 1 })
    const shown = play.page.locator('td.value code').first()
    await expect.poll(() => shown.innerText()).toMatch(/^"word .*…$/)
    await play.button('Show all').click()
    expect(await shown.innerText()).toBe(JSON.stringify(long))
    await play.button('Show less').click()
    expect(await shown.innerText()).toContain('…')
    await play.action('Edit', 'long').click()
    const field = play.field('Value of "long"')
    expect(await play.page.locator('textarea').count()).toBe(1)
    await field.fill('{"a": 1,')
    await play.page.keyboard.press('Shift+Enter')
    await play.page.keyboard.insertText('"b": 2}')
    await play.page.keyboard.press('Enter')
    await expect.poll(() => project.get('long')).toEqual({ a: 1, b: 2 })
  })
})

describe('a pair that is edited', () => {
  it('begins with its value, and is saved by Enter or Save', async () => {
    const { play, project } = await openTable({ name: 'Ada' })
    await play.action('Edit', 'name').click()
    expect(await play.field('Value of "name"').inputValue()).toBe('"Ada"')
    await play.page.keyboard.insertText('"Grace"')
    await play.page.keyboard.press('Enter')
    await expect.poll(() => play.pairs()).toEqual([['"name"', '"Grace"']])
    expect(await project.get('name')).toBe('Grace')
    // The focus is back on the button, for users of the keyboard.
    await play.page.keyboard.press('Enter')
    await play.field('Value of "name"').fill('[1]')
    await play.action('Save', 'name').click()
    await expect.poll(() => project.get('name')).toEqual([1])
  })

  it('is unchanged after Escape and Cancel', async () => {
    const { play, project } = await openTable({ name: 'Ada' })
    await play.action('Edit', 'name').click()
    await play.page.keyboard.insertText('1')
    await play.page.keyboard.press('Escape')
    await play.action('Edit', 'name').click()
    await play.page.keyboard.insertText('2')
    await play.action('Cancel', 'name').click()
    expect(await play.pairs()).toEqual([['"name"', '"Ada"']])
    expect(await project.get('name')).toBe('Ada')
  })

  it('keeps the typed text while it is invalid, and while others change or delete the pair', async () => {
    const { play, project } = await openTable({ name: 'Ada', other: 1 })
    await play.action('Edit', 'name').click()
    const field = play.field('Value of "name"')
    await field.fill('Grace')
    await play.page.keyboard.press('Enter')
    await expect.poll(() => play.complaints()).toEqual([expect.stringContaining('Did you mean')])
    await project.set('name', 'Mary')
    const row = play.page.locator('tr', { has: field })
    await expect.poll(() => row.innerText()).toContain('Meanwhile the value became "Mary".')
    await project.asOwner('delete_key_value', { parameters: { key: 'name' } })
    await expect.poll(() => row.innerText()).toContain('Meanwhile the value was deleted.')
    expect(await field.inputValue()).toBe('Grace')
    await field.fill('"Grace"')
    await play.page.keyboard.press('Enter')
    await expect.poll(() => project.get('name')).toBe('Grace')
    await expect
      .poll(() => play.pairs())
      .toEqual([
        ['"name"', '"Grace"'],
        ['"other"', '1'],
      ])
  })

  it('is deleted by a blank value', async () => {
    const { play, project } = await openTable({ name: 'Ada' })
    await play.action('Edit', 'name').click()
    await play.field('Value of "name"').fill(' ')
    await play.page.keyboard.press('Enter')
    await expect.poll(() => play.pairs()).toEqual([])
    expect(await project.get('name')).toBe(null)
  })
})

describe('a pair that is deleted', () => {
  it('disappears, and can be restored', async () => {
    const { play, project } = await openTable({ name: { first: 'Ada' }, other: 1 })
    await play.action('Delete', 'name').click()
    await expect.poll(() => play.pairs()).toEqual([['"other"', '1']])
    expect(await project.get('name')).toBe(null)
    await play.button('Undo').click()
    await expect.poll(() => project.get('name')).toEqual({ first: 'Ada' })
    await expect.poll(() => play.pairs()).toHaveLength(2)
  })
})
