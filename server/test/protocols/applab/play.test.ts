import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import type { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

/** The examples of App Lab's own page about setKeyValue, word for word. */
const examples: readonly string[] = JSON.parse(
  readFileSync(new URL('../../fixtures/applab-examples.json', import.meta.url), 'utf8'),
)

const visits = usePlayVisits()

/** The page of a signed-in user with a new project. */
async function newProject(): Promise<PlayPage> {
  const play = await visits.openOwned(await ApplabProject.create(visits.server))
  await play.button('Run').waitFor()
  return play
}

describe("an example of App Lab's page, run twice in a row,", () => {
  it('is included word for word', async () => {
    const play = await newProject()
    const names = await play.page.locator('#choice option').allInnerTexts()
    expect(names).toHaveLength(4)
    for (const [index, example] of examples.entries()) {
      await play.choose(names[index] ?? '')
      expect(await play.code()).toBe(example)
    }
  })

  it('stores a value', async () => {
    const play = await newProject()
    await play.viewData()
    await play.choose('Example 1: Store a value')
    for (let run = 0; run < 2; run += 1) {
      await play.run()
      await expect
        .poll(() => play.printed())
        .toEqual([
          'I execute immediately after',
          'I execute asynchronously when key/value is stored.  Click View Data to see the data.',
        ])
      await expect.poll(() => play.pairs()).toEqual([['"highScore"', '100']])
    }
    expect(play.strange).toEqual([])
    expect(play.uncaught).toEqual([])
  })

  it('stores a value and gets it again', async () => {
    const play = await newProject()
    await play.viewData()
    await play.choose('Example 2: Store it and get it again')
    for (let run = 0; run < 2; run += 1) {
      await play.run()
      await expect.poll(() => play.printed()).toEqual(['highScore stored', 'high score is: 100'])
      await expect.poll(() => play.pairs()).toEqual([['"highScore"', '100']])
    }
  })

  it('keeps the biggest number', async () => {
    const play = await newProject()
    await play.viewData()
    await play.choose('Example 3: The biggest number so far')
    let biggest: number | undefined
    for (let run = 0; run < 2; run += 1) {
      await play.run()
      await expect.poll(async () => (await play.printed()).length).toBeGreaterThan(0)
      const [first = ''] = await play.printed()
      const random = Number(/^random: (\d+) /.exec(first)?.[1])
      const isBigger = biggest === undefined || random > biggest
      const told = `${random} is bigger than ${biggest}. Updated biggestNumber`
      const lines = [`random: ${random} biggestNumber: ${biggest}`, ...(isBigger ? [told] : [])]
      await expect.poll(() => play.printed()).toEqual(lines)
      biggest = isBigger ? random : biggest
      await expect.poll(() => play.pairs()).toEqual([['"biggestNum"', String(biggest)]])
    }
  })
})

describe('the console', () => {
  it('shows what the program prints, of every kind', async () => {
    const play = await newProject()
    await play.writeAndRun(`console.log('text', 5, true, null, undefined, [1, 'a'], { b: [] })
console.warn('careful')
console.error(new TypeError('wrong'))
console.info(() => 1, 5n)
const round = []; round.push(round); console.log(round, Object.create(null))`)
    await expect
      .poll(() => play.printed())
      .toEqual([
        'text 5 true null undefined [1,"a"] {"b":[]}',
        'careful',
        'TypeError: wrong',
        '() => 1 5n',
        '[…] {}',
      ])
    expect(await play.page.locator('#lines .warn').allInnerTexts()).toEqual(['careful'])
    expect(await play.page.locator('#lines .error').allInnerTexts()).toEqual(['TypeError: wrong'])
  })

  it('shows a repeated line once, with the number of times', async () => {
    const play = await newProject()
    await play.writeAndRun(`for (let n = 0; n < 100; n += 1) console.log('same')
console.warn('same')
console.log('other')`)
    await expect.poll(() => play.printed()).toEqual(['same×100', 'same', 'other'])
  })

  it('has the other functions of a console', async () => {
    const play = await newProject()
    await play.writeAndRun(`console.log('gone')
console.clear()
console.table([{ a: 1 }, 'two'])
console.count(); console.count('x'); console.count()
console.assert(1 === 1, 'right'); console.assert(1 === 2, 'wrong %d', 5)
console.group('outer'); console.log('inner'); console.groupEnd(); console.log('back')
console.dir({ b: 2 })
console.log('%s is %d', 'Ada', 36)
throw { code: 5 }`)
    await expect
      .poll(() => play.printed())
      .toEqual([
        '0: {"a":1}',
        '1: two',
        'default: 1',
        'x: 1',
        'default: 2',
        'Assertion failed: wrong 5',
        'outer',
        '  inner',
        'back',
        '{"b":2}',
        'Ada is 36',
        'ERROR: Line: 9: {"code":5}',
      ])
  })

  it('names the line of a syntax error, and the editor marks it', async () => {
    const play = await newProject()
    await play.writeAndRun('var a = 1\n\nvar b = = 2\n')
    await expect
      .poll(() => play.printed())
      .toEqual([`ERROR: Line: 3: SyntaxError: Unexpected token '='`])
    expect(await play.page.locator('.cm-lint-marker-error').count()).toBe(1)
    await play.button('Line: 3').click()
    expect(await play.page.locator('.cm-activeLine').innerText()).toBe('var b = = 2')
  })

  it('names the last line if the end of the program is missing', async () => {
    const play = await newProject()
    await play.writeAndRun('function f() {\n')
    await expect.poll(() => play.printed()).toHaveLength(1)
    expect((await play.printed())[0]).toMatch(/^ERROR: Line: 1: SyntaxError: Unexpected end/)
  })

  it('names the line of an uncaught error, wherever it comes from', async () => {
    const play = await newProject()
    await play.writeAndRun(`setTimeout(() => {
  missing()
}, 0)
setKeyValue('key', 1, function () {
  null.x
})
Promise.reject(new RangeError('far'))
setKeyValue('key', 5n)`)
    await expect
      .poll(async () =>
        (await play.printed()).filter((line) => line.startsWith('ERROR')).toSorted(),
      )
      .toEqual([
        'ERROR: Line: 2: ReferenceError: missing is not defined',
        "ERROR: Line: 5: TypeError: Cannot read properties of null (reading 'x')",
        'ERROR: Line: 7: RangeError: far',
        'ERROR: Line: 8: TypeError: Do not know how to serialize a BigInt',
      ])
  })

  it('names the line of a warning of the page script', async () => {
    const play = await newProject()
    await play.writeAndRun(`
setKeyValue(5, 'five')
getKeyValue('k'.repeat(701), function () {})`)
    await expect
      .poll(() => play.printed())
      .toEqual([
        'WARNING: Line: 2: setKeyValue() key parameter value (5) is not a string.',
        "WARNING: Line: 3: The key is too large, it must be shorter than 700 bytes ('characters')",
      ])
    expect(await play.page.locator('.cm-lint-marker-warning').count()).toBe(2)
  })

  it('is cleared by hand, and by the next run', async () => {
    const play = await newProject()
    await play.writeAndRun("console.log('once')")
    await expect.poll(() => play.printed()).toEqual(['once'])
    await play.button('Clear').click()
    expect(await play.printed()).toEqual([])
    await play.run()
    await expect.poll(() => play.printed()).toEqual(['once'])
    await play.run()
    await expect.poll(() => play.printed()).toEqual(['once'])
  })
})

describe('a program', () => {
  it('runs by Ctrl-Enter from the editor', async () => {
    const play = await newProject()
    await play.write("console.log('by key')")
    await play.page.keyboard.press('Control+Enter')
    await expect.poll(() => play.printed()).toEqual(['by key'])
    expect(await play.code()).toBe("console.log('by key')")
  })

  it('that never ends can be stopped, and the page still works', async () => {
    const play = await newProject()
    await play.writeAndRun("console.log('begun')\nwhile (true) {}")
    await expect.poll(() => play.printed()).toEqual(['begun'])
    await play.button('Stop').click()
    expect(await play.button('Stop').isDisabled()).toBe(true)
    await play.writeAndRun("let n = 0; setInterval(() => console.log('tick', n++), 1)")
    await expect.poll(async () => (await play.printed()).length).toBeGreaterThan(2)
    await play.button('Stop').click()
    const { length } = await play.printed()
    // In which it would print a hundred lines more.
    await play.page.waitForTimeout(100)
    expect(await play.printed()).toHaveLength(length)
  })

  it('that prints without end does not block the page', async () => {
    const play = await newProject()
    await play.writeAndRun('while (true) console.log("again")')
    await play.page.getByText('The program prints too many lines').first().waitFor()
    await play.button('Stop').click()
    expect(await play.button('Stop').isDisabled()).toBe(true)
  })

  it('has the Sync functions, and the same user in all its runs', async () => {
    const play = await newProject()
    await play.write(`setKeyValueSync('key', { a: [1] })
console.log(getKeyValueSync('key'), getUserId(), localStorage.getItem('own'))
localStorage.setItem('own', 'kept')`)
    await play.run()
    await expect
      .poll(() => play.printed())
      .toEqual([expect.stringMatching(/^{"a":\[1\]} \S{22} null$/)])
    const [first = ''] = await play.printed()
    await play.run()
    await expect.poll(() => play.printed()).toEqual([first.replace(/null$/, 'kept')])
  })

  it('cannot reach the token, the page around it, or other servers', async () => {
    const play = await newProject()
    await play.writeAndRun(`
const attempts = {
  session: () => sessionStorage.length + ' ' + sessionStorage['coatcheck-play token'],
  parent: () => parent.document.title,
  kept: () => parent.sessionStorage.length,
  top: () => { top.location = 'http://127.0.0.1:9/' },
  cookie: () => document.cookie,
}
for (const [name, attempt] of Object.entries(attempts)) {
  try { console.log(name, attempt()) } catch (error) { console.log(name, error.name) }
}
fetch('http://127.0.0.1:9/').catch((error) => console.log('fetch', error.name))
fetch(new URL('/coatcheck/v1/projects', location.href)).then(({ status }) => console.log('api', status))
const socket = new WebSocket(location.href.replace(/^http(.*)\\/play.*/, 'ws$1/nemesis'))
socket.onopen = () => socket.send('{"SH_INFO_ALL":{}}')
socket.onmessage = ({ data }) => console.log('socket', data)
socket.onclose = socket.onerror = ({ type }) => console.log('socket', type)
console.log('origin', origin, [location.href, document.referrer, name].join().includes('token'))`)
    await expect
      .poll(async () => (await play.printed()).toSorted())
      .toEqual([
        'api 401',
        'cookie SecurityError',
        'fetch TypeError',
        'kept SecurityError',
        'origin null false',
        'parent SecurityError',
        // Its own storage, not that of the page, which has the token.
        'session 0 undefined',
        'socket close',
        'socket error',
        'top SecurityError',
      ])
    expect(play.page.url()).toBe(`${visits.server.url}/play`)
  })

  it('that changes its location leaves only its own frame', async () => {
    const play = await newProject()
    await play.writeAndRun(`console.log('leaving')
location = '${visits.server.url}/v2'`)
    await expect.poll(() => play.printed()).toEqual(['leaving'])
    await play.page.waitForTimeout(100)
    expect(play.page.url()).toBe(`${visits.server.url}/play`)
    await play.writeAndRun("console.log('here')")
    await expect.poll(() => play.printed()).toEqual(['here'])
  })
})

describe('a program in the editor', () => {
  it('is still there after a reload, with its project', async () => {
    const play = await newProject()
    const project = await play.field('Project').inputValue()
    await play.write("console.log('mine')")
    await play.page.reload()
    await play.button('Run').waitFor()
    expect(await play.field('Project').inputValue()).toBe(project)
    expect(await play.code()).toBe("console.log('mine')")
    await play.run()
    await expect.poll(() => play.printed()).toEqual(['mine'])
  })

  it('that is a changed example is kept until the example is reset', async () => {
    const play = await newProject()
    const name = 'Example 2: Store it and get it again'
    await play.choose(name)
    await play.page.locator('.cm-content').click()
    await play.page.keyboard.press('ControlOrMeta+A')
    await play.page.keyboard.insertText('changed')
    await play.choose('Example 1: Store a value')
    expect(await play.code()).toBe(examples[0])
    await play.choose(name)
    expect(await play.code()).toBe('changed')
    await play.button('Reset example').click()
    expect(await play.code()).toBe(examples[1])
    expect(await play.button('Reset example').isVisible()).toBe(false)
    await play.page.keyboard.press('ControlOrMeta+Z')
    expect(await play.code()).toBe('changed')
  })
})
