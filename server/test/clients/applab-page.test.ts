import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { startTestServer } from '../support/network/test-server.ts'
import { useApplabPages } from '../support/pages/applab-pages.ts'
import { ApplabProject } from '../support/pages/applab-project.ts'
import { pageScript } from '../support/pages/page-script.ts'

const keyTooLarge = {
  msg: "The key is too large, it must be shorter than 700 bytes ('characters')",
  type: 'KEY_INVALID',
}

const pages = useApplabPages()

describe('a warning', () => {
  it('names the line of the call, and the call still happens', async () => {
    const page = await pages.visit(`
function save(value) {
  setKeyValue('key', value, 'done')
}
setTimeout(() => save(1), 0)
getKeyValue('key', null)
getKeyValue('key', undefined, () => {})`)
    const isNoFunction = 'is not a function.'
    await expect.poll(() => page.printed.length).toBe(4)
    expect(page.printed).toEqual([
      `WARNING: Line: 7: getKeyValue() callback parameter value (null) ${isNoFunction}`,
      `WARNING: Line: 8: getKeyValue() callback parameter value (undefined) ${isNoFunction}`,
      `WARNING: Line: 4: setKeyValue() callback parameter value (done) ${isNoFunction}`,
      // After the value is stored, its callback is called.
      "ERROR: Line: 4: The callback is not a function, so it can't be called.",
    ])
    await expect.poll(() => page.evaluate(`getKeyValue('key')`)).toBe(1)
    expect(page.uncaught).toEqual([])
  })

  it('names the refusal of the server if onError is not a function, and says that it is not', async () => {
    const page = await pages.visit(`
getKeyValue('k'.repeat(701), () => {}, 'log it')`)
    const warning = 'getKeyValue() onError parameter value (log it) is not a function.'
    await expect
      .poll(() => page.printed)
      .toEqual([
        `WARNING: Line: 3: ${warning}`,
        `WARNING: Line: 3: ${keyTooLarge.msg}`,
        "ERROR: Line: 3: The onError is not a function, so it can't be called.",
      ])
    expect(page.uncaught).toEqual([])
  })

  it('names no line if the browser does not provide it', async () => {
    const script = await pages.script()
    const page = await pages
      .site()
      .visitNext(`<script>delete Error.captureStackTrace</script>${script}
      <script>setKeyValue(5, 1)</script>`)
    await expect
      .poll(() => page.printed)
      .toEqual(['WARNING: setKeyValue() key parameter value (5) is not a string.'])
  })

  it('names the refusal of the server without an onError, with the line of the call', async () => {
    const page = await pages.visit(`
setKeyValue('key', () => 1, () => console.log('stored'))
`)
    await expect
      .poll(() => page.printed.slice(1))
      .toEqual(['WARNING: Line: 3: Value must be specified'])
    expect(page.uncaught).toEqual([])
  })
})

describe('a callback', () => {
  it('runs after all code that follows the call', async () => {
    const page = await pages.visit(`
setKeyValue('key', 1, () => console.log('set'))
console.log('after')
Promise.resolve().then(() => console.log('and its promises'))`)
    await expect.poll(() => page.printed).toEqual(['after', 'and its promises', 'set'])
  })

  it('that throws causes an uncaught error of the page, and no onError', async () => {
    const page = await pages.visit(`
const onError = () => console.log('heard')
setKeyValue('key', 1, () => { throw new Error('in set') }, onError)
setKeyValue('key', () => 1, () => {}, () => { throw new Error('in onError') })
window.addEventListener('unhandledrejection', () => console.log('a rejection'))`)
    await expect.poll(() => page.uncaught.toSorted()).toEqual(['in onError', 'in set'])
    expect(page.printed).toEqual([expect.stringContaining('value (function)')])
  })

  it('makes the call return undefined', async () => {
    const page = await pages.visit()
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
    const page = await pages.visit()
    const all = `(async () => [
      await setKeyValue('key', { a: [1] }), await getKeyValue('key'), await getKeyValue('none'),
    ])()`
    expect(await page.evaluate(all)).toEqual([undefined, { a: [1] }, undefined])
    expect(page.printed).toEqual([])
  })

  it('rejects with the error that an onError would get', async () => {
    const page = await pages.visit()
    const caught = `getKeyValue('k'.repeat(701)).then(
      () => 'read',
      (error) => [error instanceof Error, error.name, error.message, error.msg, error.type])`
    const { msg, type } = keyTooLarge
    expect(await page.evaluate(caught)).toEqual([true, 'AppLabError', msg, msg, type])
  })

  it('that nobody waits for causes a warning that says how to', async () => {
    const page = await pages.visit(`
var v = getKeyValue('a')
if (v === 5) v = 6
document.title = 'v: ' + getKeyValue('b')
for (const n of [1, 2, 3]) getKeyValue('c' + n)`)
    await expect.poll(() => page.printed.length).toBe(3)
    const hint = (line: number, key: string): string =>
      `WARNING: Line: ${line}: getKeyValue() without a callback returns a promise, because the ` +
      `value comes later. Write: getKeyValue("${key}", function (value) { ... }), or: ` +
      `await getKeyValue("${key}")`
    expect(page.printed.toSorted()).toEqual([hint(3, 'a'), hint(5, 'b'), hint(6, 'c1')])
    await page.evaluate("setKeyValue('d', 1)")
    expect(page.printed).toHaveLength(3)
    expect(page.uncaught).toEqual([])
  })

  it('is no value that can be stored', async () => {
    const page = await pages.visit()
    await page.evaluate(`setKeyValue('kept', 1)`)
    for (const value of [`getKeyValue('a')`, `[getKeyValue('a')]`, 'Promise.resolve(1)']) {
      const thrown = `(() => { try { setKeyValue('kept', ${value}) } catch (error) { return error.name } })()`
      expect(await page.evaluate(thrown)).toBe('TypeError')
    }
    expect(await page.evaluate(`getKeyValue('kept')`)).toBe(1)
  })

  it('that fails unobserved causes a warning, and no uncaught error', async () => {
    const page = await pages.visit(`getKeyValue('k'.repeat(701))`)
    await expect.poll(() => page.printed).toEqual([`WARNING: Line: 2: ${keyTooLarge.msg}`])
    expect(page.uncaught).toEqual([])
  })
})

describe('a Sync twin', () => {
  it('returns the stored value before the next line runs', async () => {
    const page = await pages.visit(`
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
    const page = await pages.visit(`
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

  it('throws at once for a value that JSON cannot express', async () => {
    const page = await pages.visit(`setKeyValueSync('key', 5n)`)
    expect(page.uncaught).toEqual([expect.stringContaining('BigInt')])
  })
})

describe('the 601st call of a minute', () => {
  it('is not sent: an error says so, and only another page can send it', async () => {
    const script = await pages.script()
    const page = await pages.site().visit(`${script}<script>
const sent = Promise.all(Array.from({ length: 600 }, () => getKeyValue('key')))
setKeyValue('key', 1, () => console.log('set'), () => console.log('failed'))
setKeyValueSync('key', 2)
getKeyValue('key').catch((error) => console.log(error.type))</script>`)
    await expect.poll(() => page.printed.length).toBe(4)
    const words = 'Data access rate limit exceeded; Please wait (59|60) seconds before retrying. '
    const refused = (line: number): unknown =>
      expect.stringMatching(new RegExp(`^ERROR: Line: ${line}: ${words}`))
    expect(page.printed).toEqual(
      expect.arrayContaining([refused(3), refused(4), refused(5), 'RATE_LIMIT']),
    )
    await page.evaluate('sent')
    const other = await pages.site().visit(script)
    expect(await other.call('setKeyValue', `'key'`, '1')).toEqual({ callback: [] })
    // Neither a callback nor an onError has run.
    await page.page.waitForTimeout(100)
    expect(page.printed.length).toBe(4)
    expect(page.uncaught).toEqual([])
  })
})

describe('a server that cannot be reached', () => {
  it('is reported like a refusal', async () => {
    const gone = await startTestServer()
    const tag = pageScript(gone.url, await ApplabProject.create(gone))
    const page = await pages.site().visitNext(tag)
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

describe('a reply that is not from the server', () => {
  it('is reported like a refusal', async () => {
    const page = await pages.visit()
    const gateway = {
      status: 502,
      contentType: 'text/html',
      headers: { 'Access-Control-Allow-Origin': '*' },
      body: '<h1>Bad Gateway</h1>',
    }
    await page.page.route('**/get_key_value?*', (route) => route.fulfill(gateway))
    const msg = "The server's answer makes no sense (status 502)."
    expect(await page.call('getKeyValue', `'key'`)).toEqual({
      onError: [{ msg, type: 'BAD_ANSWER' }],
    })
    expect(await page.evaluate(`getKeyValueSync('key')`)).toBe(undefined)
    expect(page.printed).toEqual([expect.stringContaining(msg)])
  })
})

it('a random number is an integer between its bounds, both included', async () => {
  const page = await pages.visit()
  const drawn = (call: string): Promise<unknown> =>
    page.evaluate(`[...new Set(Array.from({ length: 1000 }, () => ${call}))].sort()`)
  expect(await drawn('randomNumber(1, 3)')).toEqual([1, 2, 3])
  expect(await drawn('randomNumber(3, 1)')).toEqual([1, 2, 3])
  expect(await drawn('randomNumber(2)')).toEqual([0, 1, 2])
  expect(await drawn('randomNumber(1.9, 2.9)')).toEqual([1, 2])
})

describe("the script's tag", () => {
  it('must have a channel id', async () => {
    const page = await pages.site().visitNext(pageScript(pages.server().url, {}))
    expect(page.printed).toEqual([
      'ERROR: applab.js needs data-channel, the channel id of your project: ' +
        '<script src="http://HOST/applab.js" data-channel="..." data-key="..."></script>',
    ])
    expect(await page.evaluate('typeof setKeyValue')).toBe('undefined')
  })

  it('must be a classic script with a src', async () => {
    const script = await pages.script()
    const page = await pages
      .site()
      .visitNext(script.replace('<script', '<script type="module" crossorigin'))
    expect(page.printed).toEqual([
      expect.stringContaining(
        'ERROR: applab.js does not know its server. Load it with <script src=',
      ),
    ])
  })

  it('may be deferred', async () => {
    const script = (await pages.script()).replace('<script', '<script defer')
    const page = await pages.site().visitNext(script)
    expect(await page.call('setKeyValue', `'key'`, '1')).toEqual({ callback: [] })
  })

  it('announces successful calls to the parent window with data-announce', async () => {
    const silent = await pages.script()
    const announcing = silent.replace('<script', '<script data-announce')
    const code = `setKeyValue('new', 1, () => getKeyValueSync(5)); setKeyValue('no', () => 1)`
    const frame = (tag: string): string =>
      `<iframe src="${pages.site().add(`${tag}<script>${code}</script>`)}"></iframe>`
    const page = await pages.site().visitNext(`
      <script>
        addEventListener('message', ({ data }) => console.log(JSON.stringify(data)))
      </script>
      ${frame(announcing)} ${frame(silent)}`)
    const announced = (): string[] => page.printed.filter((line) => line.startsWith('{'))
    const expected = [
      '{"type":"coatcheck-applab","kind":"set","key":"new"}',
      '{"type":"coatcheck-applab","kind":"get","key":"5"}',
    ]
    await expect.poll(announced).toEqual(expected)
    // Both frames have loaded: the silent one makes its calls at the same time.
    await page.page.waitForTimeout(300)
    expect(announced()).toEqual(expected)
  })
})

it('is one script of less than 12 KB', () => {
  const script = readFileSync(new URL('../../dist/pages/applab.js', import.meta.url))
  expect(gzipSync(script).length).toBeLessThan(12_000)
  expect(script.toString()).not.toMatch(/\b(import|require|export)\b\s*[({'"]/)
})
