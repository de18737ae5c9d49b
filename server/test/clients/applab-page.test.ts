import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApplabProject } from '../support/applab-project.ts'
import { pageScript } from '../support/page-script.ts'
import { PageSite, type Visit } from '../support/page-site.ts'
import { startTestServer, type TestServer } from '../test-server.ts'

const keyTooLarge = {
  msg: "The key is too large, it must be shorter than 700 bytes ('characters')",
  type: 'KEY_INVALID',
}
const valueMissing = { msg: 'Value must be specified', type: 'Value must be specified' }

let server: TestServer
let site: PageSite

beforeAll(async () => {
  server = await startTestServer()
  site = await PageSite.open()
})

afterAll(async () => {
  await site?.close()
  await server?.close()
})

/** A page of a new project, with a script of its own from the second line on. */
async function visit(script = ''): Promise<Visit> {
  return site.visit(`${await projectScript()}<script>\n${script}</script>`)
}

/** The tag of the page script for a new project. */
async function projectScript({ url, token }: TestServer = server): Promise<string> {
  return pageScript(url, await ApplabProject.create({ url, token }))
}

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
    const page = await visit()
    await page.evaluate(`setKeyValue('key', 'before')`)
    expect(await page.call('setKeyValue', `'key'`, value)).toEqual({ callback: [] })
    const isSame = `getKeyValue('key').then((value) =>
      typeof value === typeof (${read}) && JSON.stringify(value) === JSON.stringify(${read}))`
    expect(await page.evaluate(isSame)).toBe(true)
    expect({ printed: page.printed, uncaught: page.uncaught }).toEqual({
      printed: [],
      uncaught: [],
    })
  })

  it.each([
    ['a function', '() => 1', 'function'],
    ['a symbol', "Symbol('s')", 'Symbol(s)'],
  ])('can not be %s: the server says so and changes nothing', async (_, value, shown) => {
    const page = await visit()
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
    'can not be %s: the call itself throws',
    async (value) => {
      const page = await visit()
      const thrown = `(() => {
        try { setKeyValue('key', ${value}, () => {}, () => {}) } catch (error) { return error.name }
      })()`
      expect(await page.evaluate(thrown)).toBe('TypeError')
    },
  )

  it('may take 4096 bytes and no more', async () => {
    const page = await visit()
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
    const page = await visit()
    const name = JSON.stringify(key)
    expect(await page.call('getKeyValue', name)).toEqual({ callback: [undefined] })
    expect(await page.call('setKeyValue', name, name)).toEqual({ callback: [] })
    expect(await page.call('getKeyValue', name)).toEqual({ callback: [key] })
    expect(await page.evaluate(`[setKeyValueSync(${name}, 1), getKeyValueSync(${name})]`)).toEqual([
      true,
      1,
    ])
  })

  it.each([`'k'.repeat(701)`, `'🎉'.repeat(350) + 'k'`])('can not be %s', async (key) => {
    const page = await visit()
    const refusal = { onError: [keyTooLarge] }
    expect(await page.call('setKeyValue', key, '1')).toEqual(refusal)
    expect(await page.call('getKeyValue', key)).toEqual(refusal)
  })

  it('that is a number is the string of it, with a warning for each call', async () => {
    const page = await visit(`
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

describe('a warning', () => {
  it('names the line of the code that made the call, and the call is made all the same', async () => {
    const page = await visit(`
function save(value) {
  setKeyValue('key', value, 'done')
}
setTimeout(() => save(1), 0)
getKeyValue('key', null)
getKeyValue('key', undefined, () => {})`)
    const isNoFunction = 'is not a function.'
    await expect.poll(() => page.printed.length).toBe(3)
    expect(page.printed).toEqual([
      `WARNING: Line: 7: getKeyValue() callback parameter value (null) ${isNoFunction}`,
      `WARNING: Line: 8: getKeyValue() callback parameter value (undefined) ${isNoFunction}`,
      `WARNING: Line: 4: setKeyValue() callback parameter value (done) ${isNoFunction}`,
    ])
    await expect.poll(() => page.evaluate(`getKeyValue('key')`)).toBe(1)
    // A callback that is there and no function is called like any other.
    await expect.poll(() => page.uncaught).toEqual([expect.stringContaining('is not a function')])
  })

  it('says what the server refused where nobody listens, with the line of the call', async () => {
    const page = await visit(`
setKeyValue('key', () => 1, () => console.log('stored'))
`)
    await expect
      .poll(() => page.printed.slice(1))
      .toEqual(['WARNING: Line: 3: Value must be specified'])
    expect(page.uncaught).toEqual([])
  })
})

describe('a callback', () => {
  it('runs later than all that comes after the call', async () => {
    const page = await visit(`
setKeyValue('key', 1, () => console.log('set'))
console.log('after')
Promise.resolve().then(() => console.log('and its promises'))`)
    await expect.poll(() => page.printed).toEqual(['after', 'and its promises', 'set'])
  })

  it('that throws is an uncaught error of the page, which onError does not hear of', async () => {
    const page = await visit(`
const onError = () => console.log('heard')
setKeyValue('key', 1, () => { throw new Error('in set') }, onError)
setKeyValue('key', () => 1, () => {}, () => { throw new Error('in onError') })
window.addEventListener('unhandledrejection', () => console.log('a rejection'))`)
    await expect.poll(() => page.uncaught.toSorted()).toEqual(['in onError', 'in set'])
    expect(page.printed).toEqual([expect.stringContaining('value (function)')])
  })

  it('has nothing to return: the call returns undefined', async () => {
    const page = await visit()
    const returned = `[
      setKeyValue('key', 1, () => {}),
      setKeyValue('key', 1, undefined, () => {}),
      getKeyValue('key', () => {}),
    ]`
    expect(await page.evaluate(returned)).toEqual([undefined, undefined, undefined])
  })
})

describe('a call without a callback', () => {
  it('returns a promise of the value, and no warning', async () => {
    const page = await visit()
    const all = `(async () => [
      await setKeyValue('key', { a: [1] }), await getKeyValue('key'), await getKeyValue('none'),
    ])()`
    expect(await page.evaluate(all)).toEqual([undefined, { a: [1] }, undefined])
    expect(page.printed).toEqual([])
  })

  it('rejects with what an onError would be given', async () => {
    const page = await visit()
    const caught = `getKeyValue('k'.repeat(701)).then(
      () => 'read',
      (error) => [error instanceof Error, error.name, error.message, error.msg, error.type])`
    const { msg, type } = keyTooLarge
    expect(await page.evaluate(caught)).toEqual([true, 'AppLabError', msg, msg, type])
  })

  it('that fails and that nobody waits for is a warning, and no uncaught error', async () => {
    const page = await visit(`getKeyValue('k'.repeat(701))`)
    await expect.poll(() => page.printed).toEqual([`WARNING: Line: 2: ${keyTooLarge.msg}`])
    expect(page.uncaught).toEqual([])
  })
})

describe('a Sync twin', () => {
  it('gives what was stored before the next line runs', async () => {
    const page = await visit(`
console.log(getKeyValueSync('key'))
console.log(setKeyValueSync('key', [1, 'two']))
console.log(JSON.stringify(getKeyValueSync('key')))
console.log(setKeyValueSync('key', undefined), getKeyValueSync('key'))`)
    expect(page.printed.filter((line) => !line.startsWith('[Deprecation]'))).toEqual([
      'undefined',
      'true',
      '[1,"two"]',
      'true undefined',
    ])
  })

  it('says why it failed in a warning', async () => {
    const page = await visit(`
console.log(setKeyValueSync('k'.repeat(701), 1))
console.log(getKeyValueSync('k'.repeat(701)))
console.log(setKeyValueSync('key', () => 1))`)
    const { msg } = keyTooLarge
    const noValue =
      'setKeyValueSync() value parameter value (function) is not a string, number, boolean, ' +
      'undefined or null.'
    expect(page.printed).toEqual([
      `WARNING: Line: 3: ${msg}`,
      'false',
      `WARNING: Line: 4: ${msg}`,
      'undefined',
      `WARNING: Line: 5: ${noValue}`,
      'WARNING: Line: 5: Value must be specified',
      'false',
    ])
  })

  it('throws at once what can not be said in JSON', async () => {
    const page = await visit(`setKeyValueSync('key', 5n)`)
    expect(page.uncaught).toEqual([expect.stringContaining('BigInt')])
  })
})

describe('the 601st call of a minute', () => {
  it('is not made: an error says so, and neither callback nor onError runs', async () => {
    const page = await visit(`
for (let call = 0; call < 600; call += 1) getKeyValue('key', () => {})
setKeyValue('key', 1, () => console.log('set'), () => console.log('failed'))
setKeyValueSync('key', 2)
getKeyValue('key').catch((error) => console.log(error.type))`)
    await expect.poll(() => page.printed.length).toBe(4)
    const words = 'Data access rate limit exceeded; Please wait (59|60) seconds before retrying. '
    const refused = (line: number): unknown =>
      expect.stringMatching(new RegExp(`^ERROR: Line: ${line}: ${words}`))
    expect(page.printed).toEqual(
      expect.arrayContaining([refused(4), refused(5), refused(6), 'RATE_LIMIT']),
    )
    await page.page.waitForLoadState('networkidle')
    expect(page.printed.length).toBe(4)
    expect(page.uncaught).toEqual([])
  })

  it('can be made by another page', async () => {
    const script = await projectScript()
    const busy = await site.visit(script)
    await busy.evaluate(`Promise.all(Array.from({ length: 600 }, () => getKeyValue('key')))`)
    const other = await site.visit(script)
    expect(await other.call('setKeyValue', `'key'`, '1')).toEqual({ callback: [] })
  })
})

describe('a server that is not there', () => {
  it('is told of as a refusal is', async () => {
    const gone = await startTestServer()
    const page = await site.visit(await projectScript(gone))
    await gone.close()
    const refusal = {
      msg: expect.stringMatching(/^The server did not answer: ./),
      type: 'NO_ANSWER',
    }
    expect(await page.call('setKeyValue', `'key'`, '1')).toEqual({ onError: [refusal] })
    expect(await page.call('getKeyValue', `'key'`)).toEqual({ onError: [refusal] })
    const sync = `[setKeyValueSync('key', 1), getKeyValueSync('key'), getUserId()]`
    expect(await page.evaluate(sync)).toEqual([false, undefined, undefined])
    expect(page.printed).toHaveLength(3)
    for (const line of page.printed)
      expect(line).toMatch(/^WARNING: .*The server did not answer: ./)
  })
})

describe("the script's tag", () => {
  it('must name the channel', async () => {
    const page = await site.visit(pageScript(server.url, {}))
    expect(page.printed).toEqual([
      'ERROR: applab.js needs data-channel, the channel id of your project: ' +
        '<script src="http://HOST/applab.js" data-channel="..." data-key="..."></script>',
    ])
    expect(await page.evaluate('typeof setKeyValue')).toBe('undefined')
  })

  it('must be that of a classic script with an address', async () => {
    const script = await projectScript()
    const page = await site.visit(script.replace('<script', '<script type="module" crossorigin'))
    expect(page.printed).toEqual([
      expect.stringContaining('ERROR: applab.js does not know its server. Load it by <script src='),
    ])
  })

  it('may be deferred', async () => {
    const script = (await projectScript()).replace('<script', '<script defer')
    const page = await site.visit(script)
    expect(await page.call('setKeyValue', `'key'`, '1')).toEqual({ callback: [] })
  })

  it('tells the window around the page of calls that went well, where it says so', async () => {
    const silent = await projectScript()
    const announcing = silent.replace('<script', '<script data-announce')
    const code = `setKeyValue('new', 1, () => getKeyValueSync(5)); setKeyValue('no', () => 1)`
    const frame = (tag: string): string =>
      `<iframe src="${site.add(`${tag}<script>${code}</script>`)}"></iframe>`
    const page = await site.visit(`
      <script>
        addEventListener('message', ({ data }) => console.log(JSON.stringify(data)))
      </script>
      ${frame(announcing)} ${frame(silent)}`)
    await page.page.waitForLoadState('networkidle')
    await expect
      .poll(() => page.printed.filter((line) => line.startsWith('{')))
      .toEqual([
        '{"type":"coatcheck-applab","kind":"set","key":"new"}',
        '{"type":"coatcheck-applab","kind":"get","key":"5"}',
      ])
  })
})

it('is one script of less than 12 KB', () => {
  const script = readFileSync(new URL('../../dist/pages/applab.js', import.meta.url))
  expect(gzipSync(script).length).toBeLessThan(12_000)
  expect(script.toString()).not.toMatch(/\b(import|require|export)\b\s*[({'"]/)
})
