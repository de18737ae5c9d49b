import { describe, expect, it } from 'vitest'
import { useApplabPages } from '../support/pages/applab-pages.ts'

const keyTooLarge = {
  msg: "The key is too large, it must be shorter than 700 bytes ('characters')",
  type: 'KEY_INVALID',
}
const valueMissing = { msg: 'Value must be specified', type: 'Value must be specified' }

const pages = useApplabPages()

describe('a value that a page stores', () => {
  it.each([
    ['""', '""'],
    ['"5"', '"5"'],
    ['5', '5'],
    ['-1.5e-7', '-1.5e-7'],
    ['-0', '0'],
    ['0', '0'],
    ['false', 'false'],
    ['"🎉 ü \\u0000 </script\\u003e"', '"🎉 ü \\u0000 </script\\u003e"'],
    ['[]', '[]'],
    ['{}', '{}'],
    ['[1, undefined, NaN, null, () => 1]', '[1, null, null, null, null]'],
    ['{ a: undefined, b: NaN, c: { d: [null] } }', '{ b: null, c: { d: [null] } }'],
    ['new Date(0)', '"1970-01-01T00:00:00.000Z"'],
    ['JSON.parse(\'{"__proto__":{"a":1}}\')', 'JSON.parse(\'{"__proto__":{"a":1}}\')'],
    ['"v".repeat(4094)', '"v".repeat(4094)'],
    ['undefined', 'undefined'],
    ['null', 'undefined'],
    ['NaN', 'undefined'],
    ['Infinity', 'undefined'],
    ['-Infinity', 'undefined'],
  ])('%s is read again as %s', async (value, read) => {
    const page = await pages.visit()
    await page.evaluate(`setKeyValue('key', 'before')`)
    expect(await page.call('setKeyValue', `'key'`, value)).toEqual({ callback: [] })
    const isSame = `getKeyValue('key').then((value) =>
      typeof value === typeof (${read}) && JSON.stringify(value) === JSON.stringify(${read}))`
    expect(await page.evaluate(isSame)).toBe(true)
    const isNoNumber = ['NaN', 'Infinity', '-Infinity'].includes(value)
    expect({ printed: page.printed, uncaught: page.uncaught }).toEqual({
      printed: isNoNumber ? [expect.stringContaining('so the key "key" is deleted')] : [],
      uncaught: [],
    })
  })

  it.each([["'Hi 😀'.substring(0, 4)"], ["['\\ud83d']"], ["{ '\\ude00': 1 }"]])(
    'cannot have half a character, as a key cannot: %s',
    async (value) => {
      const page = await pages.visit()
      await page.evaluate(`setKeyValue('n', 'before')`)
      const msg = 'The value is not valid Unicode text'
      expect(await page.call('setKeyValue', `'n'`, value)).toEqual({
        onError: [{ msg, type: 'VALUE_INVALID' }],
      })
      expect(await page.evaluate(`getKeyValue('n')`)).toBe('before')
    },
  )

  it('has no key with half a character: none that is set, and none that is read', async () => {
    const page = await pages.visit()
    await page.evaluate(`setKeyValue('\\ufffd', 'of another key')`)
    const refused = { onError: [{ msg: 'The key is not valid Unicode text', type: 'KEY_INVALID' }] }
    for (const key of [String.raw`'\ud83d'`, String.raw`'a\ude00b'`, String.raw`'\ude00\ud83d'`]) {
      expect(await page.call('setKeyValue', key, '1')).toEqual(refused)
      expect(await page.call('getKeyValue', key)).toEqual(refused)
      expect(await page.evaluate(`getKeyValueSync(${key})`)).toBe(undefined)
    }
    expect(page.printed.filter((line) => line.includes('not valid Unicode text'))).toHaveLength(3)
    expect(await page.call('getKeyValue', `'😀'`)).toEqual({ callback: [undefined] })
    expect(page.uncaught).toEqual([])
  })

  it.each([
    ['a function', '() => 1', 'function'],
    ['a symbol', "Symbol('s')", 'Symbol(s)'],
  ])('cannot be %s: the server says so and changes nothing', async (_, value, shown) => {
    const page = await pages.visit()
    await page.evaluate(`setKeyValue('key', 'before')`)
    expect(await page.call('setKeyValue', `'key'`, value)).toEqual({ onError: [valueMissing] })
    expect(page.printed).toEqual([
      expect.stringContaining(
        `setKeyValue() value parameter value (${shown}) is not a ` +
          'string, number, boolean, undefined or null.',
      ),
    ])
    expect(await page.evaluate(`getKeyValue('key')`)).toBe('before')
  })

  it.each(['5n', '(() => { const a = []; a.push(a); return a })()'])(
    'cannot be %s: the call itself throws',
    async (value) => {
      const page = await pages.visit()
      const thrown = `(() => {
        try { setKeyValue('key', ${value}, () => {}, () => {}) } catch (error) { return error.name }
      })()`
      expect(await page.evaluate(thrown)).toBe('TypeError')
    },
  )

  it('may have at most 4096 bytes', async () => {
    const page = await pages.visit()
    expect(await page.call('setKeyValue', `'key'`, `'v'.repeat(4095)`)).toEqual({
      onError: [
        {
          msg: "The value is too large, it must be shorter than 4096 bytes ('characters')",
          type: 'MAX_VALUE_LENGTH_EXCEEDED',
        },
      ],
    })
  })
})

describe('a key that a page uses', () => {
  it.each([
    '',
    ' ',
    '__proto__',
    'constructor',
    'a/b?c#d&key=e%41+f',
    '👁️👄👁️',
    'ü\u0000\n',
    'k'.repeat(700),
    '🎉'.repeat(350),
  ])('may be %j', async (key) => {
    const page = await pages.visit()
    const name = JSON.stringify(key)
    expect(await page.call('getKeyValue', name)).toEqual({ callback: [undefined] })
    expect(await page.call('setKeyValue', name, name)).toEqual({ callback: [] })
    expect(await page.call('getKeyValue', name)).toEqual({ callback: [key] })
    expect(await page.evaluate(`[setKeyValueSync(${name}, 1), getKeyValueSync(${name})]`)).toEqual([
      true,
      1,
    ])
  })

  it.each([`'k'.repeat(701)`, `'🎉'.repeat(350) + 'k'`])('cannot be %s', async (key) => {
    const page = await pages.visit()
    const refusal = { onError: [keyTooLarge] }
    expect(await page.call('setKeyValue', key, '1')).toEqual(refusal)
    expect(await page.call('getKeyValue', key)).toEqual(refusal)
  })

  it('that is a number becomes a string, with a warning for each call', async () => {
    const page = await pages.visit(`
setKeyValue(5, 'five', () => {
  getKeyValue('5', (value) => {
    console.log(value)
  })
})`)
    await expect
      .poll(() => page.printed)
      .toEqual(['WARNING: Line: 3: setKeyValue() key parameter value (5) is not a string.', 'five'])
  })
})
