import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

async function openProject(): Promise<{ play: PlayPage; project: ApplabProject }> {
  const project = await ApplabProject.create(visits.server)
  const play = await visits.openOwned(project)
  await play.button('Run').waitFor()
  return { play, project }
}

/** Runs a program, and returns what it has printed when it is done. */
async function outputOf(play: PlayPage, code: string): Promise<string[]> {
  await play.writeAndRun(code)
  await expect.poll(() => play.state()).toMatch(/Done|Stopped/)
  return play.printed()
}

describe.each(['localStorage', 'sessionStorage'])('%s of a program', (storage) => {
  // https://html.spec.whatwg.org/#the-storage-interface: names are properties, values are strings.
  it('has properties, whose values are strings and are there in the next run', async () => {
    const { play } = await openProject()
    const first = await outputOf(
      play,
      `${storage}.best = 5
${storage}['a b'] = { toString: function () { return 'made text' } }
${storage}.setItem('gone', 1)
delete ${storage}.gone
console.log(typeof ${storage}.best, ${storage}.best, ${storage}.getItem('best'))`,
    )
    expect(first).toEqual(['string 5 5'])
    const next = await outputOf(
      play,
      `console.log(typeof ${storage}.best, ${storage}.best + 1, ${storage}.length)
console.log(Object.keys(${storage}), JSON.stringify(${storage}))
for (var name in ${storage}) if (${storage}.hasOwnProperty(name)) console.log(name)
console.log('best' in ${storage}, 'gone' in ${storage}, ${storage}.gone, ${storage}.getItem('gone'))
console.log(${storage} instanceof Storage, String(${storage}), ${storage}.key(0), ${storage}.key(9))`,
    )
    expect(next).toEqual([
      'string 51 2',
      '["best","a b"] {"best":"5","a b":"made text"}',
      'best',
      'a b',
      'true false undefined null',
      'true [object Storage] best null',
    ])
  })

  it('keeps its functions, whatever is stored under their names', async () => {
    const { play } = await openProject()
    const lines = await outputOf(
      play,
      `${storage}.getItem = 'mine'
${storage}.__proto__ = 'mine too'
console.log(${storage}.getItem('getItem'), ${storage}.getItem('__proto__'), ${storage}.length)
try { ${storage}.setItem('one') } catch (error) { console.log(error.name) }
try { ${storage}.large = 'x'.repeat(100000) } catch (error) { console.log(error.name) }
${storage}.clear()
console.log(${storage}.length)`,
    )
    expect(lines).toEqual(['mine mine too 2', 'TypeError', 'QuotaExceededError', '0'])
  })
})

it('sessionStorage of programs ends with the tab', async () => {
  const { play } = await openProject()
  await outputOf(play, 'sessionStorage.mine = 1; localStorage.mine = 2')
  const other = await PlayPage.open(
    play.page.context(),
    visits.server.url,
    `/play#token=${visits.server.token}`,
  )
  await other.button('Run').waitFor()
  const lines = await outputOf(other, 'console.log(sessionStorage.mine, localStorage.mine)')
  expect(lines).toEqual(['undefined 2'])
})

it('an error about a missing end names the last line', async () => {
  // Engines report it behind the last line, which the editor does not have.
  const programs: readonly (readonly [code: string, line: number])[] = [
    ['function f() {\n  var a = 1', 2],
    ['function f() {\n  var a = 1\n', 2],
    ['if (true) {', 1],
    ['var a = [\n  1,\n  2\n\n\n', 3],
    ['var a = 1\nvar b = `open', 2],
    ['await 1\nfunction f() {\n  a()', 3],
  ]
  const { play } = await openProject()
  for (const [code, line] of programs) {
    const lines = await outputOf(play, code)
    expect(lines, code).toHaveLength(1)
    expect(lines[0]).toMatch(new RegExp(`^ERROR: Line: ${line}: SyntaxError: `))
  }
})

describe('dialogs of a program', () => {
  it('ask and tell, and the program waits for the answer', async () => {
    const { play, project } = await openProject()
    const shown: string[] = []
    play.page.on('dialog', async (dialog) => {
      shown.push(`${dialog.type()}: ${dialog.message()} ${dialog.defaultValue()}`.trim())
      await dialog.accept(dialog.type() === 'prompt' ? 'Ada' : undefined)
    })
    const lines = await outputOf(
      play,
      `var name = prompt('Name?', 'nobody')
alert('Hello ' + name)
console.log(name, confirm('Sure?'))
setKeyValue('name', name)`,
    )
    expect(lines).toEqual(['Ada true'])
    expect(shown).toEqual(['prompt: Name? nobody', 'alert: Hello Ada', 'confirm: Sure?'])
    await expect.poll(() => project.get('name')).toBe('Ada')
  })

  it('give null and false if they are cancelled', async () => {
    const { play } = await openProject()
    play.page.on('dialog', (dialog) => dialog.dismiss())
    expect(await outputOf(play, "console.log(prompt('?'), confirm('?'), alert())")).toEqual([
      'null false undefined',
    ])
  })

  it('do not include that of the printer', async () => {
    const { play } = await openProject()
    expect(await outputOf(play, 'while (!window.n) { print(); window.n = 1 }')).toEqual([
      'WARNING: print() does nothing here: use console.log().',
    ])
  })

  it('without end are ended by the user', async () => {
    const { play } = await openProject()
    const shown: string[] = []
    play.page.on('dialog', async (dialog) => {
      shown.push(dialog.message())
      if (dialog.type() === 'confirm') await dialog.dismiss()
      else await dialog.accept()
    })
    const lines = await outputOf(play, "while (true) {\n  alert('again')\n}")
    expect(lines).toEqual(['ERROR: Line: 2: Error: alert() shows no more dialogs in this run.'])
    expect(shown.filter((message) => message === 'again')).toHaveLength(10)
    expect(shown.at(-1)).toContain('10 dialogs in a row')
  })

  it.each(["while (true) prompt('again')", "setInterval(function () { alert('again') }, 1)"])(
    'without end have an end even if the user always goes on: %s',
    async (code) => {
      const { play } = await openProject()
      let shown = 0
      play.page.on('dialog', async (dialog) => {
        shown += 1
        await dialog.accept()
      })
      await play.writeAndRun(code)
      await expect
        .poll(async () => (await play.printed())[0])
        .toMatch(/^ERROR: Line: 1: Error: \w+\(\) shows no more dialogs in this run/)
      expect(shown).toBeLessThan(120)
      if (await play.button('Stop').isEnabled()) await play.button('Stop').click()
      await play.writeAndRun("console.log('the page works')")
      await expect.poll(() => play.printed()).toEqual(['the page works'])
    },
  )
})

describe("App Lab's functions that are not here", () => {
  it('say that there is no design mode, and what to use', async () => {
    const { play } = await openProject()
    const lines = await outputOf(
      play,
      `onEvent('button1', 'click', function () {})
setText('label1', 'text')
moveForward(25)
createRecord('table', {})
timedLoop(1000, function () {})
console.log('the program goes on')`,
    )
    const warning = (line: number, name: string, hint: RegExp): unknown =>
      expect.stringMatching(
        new RegExp(`^WARNING: Line: ${line}: ${name}\\(\\) does nothing here: .*${hint.source}`),
      )
    expect(lines).toEqual([
      warning(1, 'onEvent', /no design mode.*prompt\(\).*console\.log\(\)/),
      warning(2, 'setText', /no design mode/),
      warning(3, 'moveForward', /no turtle/),
      warning(4, 'createRecord', /setKeyValue/),
      warning(5, 'timedLoop', /setInterval/),
      'the program goes on',
    ])
  })

  it('leave their names to programs', async () => {
    const { play } = await openProject()
    const lines = await outputOf(
      play,
      `let line = 1
const button = 2
var image = 3
function write() { return 4 }
class show {}
console.log(line, button, image, write(), typeof show)`,
    )
    expect(lines).toEqual(['1 2 3 4 function'])
  })
})

describe('a value that is not there yet', () => {
  const hint = (line: number): unknown =>
    expect.stringMatching(
      new RegExp(
        `^WARNING: Line: ${line}: getKeyValue\\(\\) .*getKeyValue\\("a", function .*await`,
      ),
    )

  it('is explained in the console', async () => {
    const { play } = await openProject()
    for (const code of [
      "var v = getKeyValue('a')",
      "var v = getKeyValue('a'); if (v > 5) v = 0",
      "var v = getKeyValue('a'); if (v === 5) v = 0",
    ]) {
      expect(await outputOf(play, code), code).toEqual([hint(1)])
    }
  })

  it('is explained when it is printed', async () => {
    const { play } = await openProject()
    for (const [code, printed] of [
      ["var v = getKeyValue('a')\nconsole.log('v: ' + v)", 'v: [object Promise]'],
      ["var v = getKeyValue('a')\nconsole.log(v)", 'Promise'],
    ] as const) {
      const lines = await outputOf(play, code)
      expect(lines, code).toHaveLength(2)
      expect(lines, code).toEqual(expect.arrayContaining([hint(1), printed]))
    }
  })

  it('is not stored as another value', async () => {
    const { play, project } = await openProject()
    await project.set('b', 'before')
    const lines = await outputOf(play, "setKeyValue('b', getKeyValue('a'))")
    expect(lines).toEqual([
      expect.stringMatching(/^ERROR: Line: 1: TypeError: The value is a prom/),
      hint(1),
    ])
    expect(await project.get('b')).toBe('before')
  })

  it('needs no words if the program waits for it', async () => {
    const { play, project } = await openProject()
    await project.set('a', 5)
    for (const code of [
      "var v = await getKeyValue('a'); console.log(v)",
      "getKeyValue('a').then(console.log)",
      "getKeyValue('a', console.log)",
      "(async function () { console.log(await getKeyValue('a')) })()",
      "Promise.all([getKeyValue('a')]).then(function (all) { console.log(all[0]) })",
      "var a = getKeyValue('a'), b = getKeyValue('b'); await b; console.log(await a)",
    ]) {
      expect(await outputOf(play, code), code).toEqual(['5'])
    }
  })
})

describe('await outside of functions', () => {
  it('works, with the names and the lines of a program', async () => {
    const { play } = await openProject()
    const lines = await outputOf(
      play,
      `await setKeyValue('a', [1])
for (const n of [1, 2]) await setKeyValue('n', n)
sloppy = 'as in App Lab'
function later() { return getKeyValue('n') }
console.log(await getKeyValue('a'), await later(), sloppy)
setKeyValue(5, 'five')
missing()`,
    )
    expect(lines).toEqual([
      '[1] 2 as in App Lab',
      'WARNING: Line: 6: setKeyValue() key parameter value (5) is not a string.',
      'ERROR: Line: 7: ReferenceError: missing is not defined',
    ])
    expect(await play.state()).toBe('Stopped: error')
  })

  it('leaves other programs as they are', async () => {
    const { play } = await openProject()
    const lines = await outputOf(
      play,
      `var await = 1 // an old name
console.log(await, typeof this.setTimeout, window.await)`,
    )
    expect(lines).toEqual(['1 function 1'])
  })

  it('does not hide a mistake', async () => {
    const { play } = await openProject()
    for (const [code, error] of [
      ['await 1\nvar b = = 2', /^ERROR: Line: 2: SyntaxError: Unexpected token '='/],
      [
        'function f() {\n  await 1\n}',
        /^ERROR: Line: 2: SyntaxError: await is only valid in async/,
      ],
    ] as const) {
      expect(await outputOf(play, code), code).toEqual([expect.stringMatching(error)])
    }
  })
})

describe('WebRTC', () => {
  it('does not take the page key to another server', async () => {
    const { play, project } = await openProject()
    const arrived: string[] = []
    const turn = await startListener(arrived)
    const port = (turn.address() as AddressInfo).port
    const attempt = `function attempt(scope, name) {
  try {
    var Connection = scope.RTCPeerConnection || scope.webkitRTCPeerConnection
    var server = { urls: 'turn:127.0.0.1:${port}?transport=tcp', username: '${project.pageKey}', credential: 'c' }
    var connection = new Connection({ iceServers: [server], iceTransportPolicy: 'relay' })
    connection.createDataChannel('d')
    connection.createOffer().then(function (offer) { return connection.setLocalDescription(offer) })
  } catch (error) {
    console.log(name, error.name)
  }
}`
    // Frames get no time to run, whatever the program replaces and wherever it puts them.
    await play.writeAndRun(`${attempt}
attempt(window, 'window')
document.querySelector = document.querySelectorAll = function () { return null }
Element.prototype.remove = function () {}
function frame(name) {
  var made = document.createElement('iframe')
  made.srcdoc = '<script>' + attempt + ';attempt(window, "frame");parent.postMessage("' + name + '", "*")</' + 'script>'
  return made
}
addEventListener('message', function (event) { console.log('the frame ran', event.data) })
document.body.append(frame('page'))
var host = document.createElement('div')
document.body.append(host)
host.attachShadow({ mode: 'closed' }).append(frame('shadow tree'))
var text = '<div><template shadowrootmode="open">' + frame('shadow text').outerHTML + '</template></div>'
if (host.setHTMLUnsafe) host.setHTMLUnsafe(text)
document.write(text)
setTimeout(function () { console.log('waited') }, 1000)`)
    await expect.poll(() => play.printed()).toContain('waited')
    expect(await play.printed()).toEqual([
      'window TypeError',
      'WARNING: document.write() does nothing here: use console.log().',
      'waited',
    ])
    expect(arrived).toEqual([])
  })
})

/** Notes what reaches it. */
async function startListener(arrived: string[]): Promise<Server> {
  const listener = createServer((socket) => {
    arrived.push('a connection')
    socket.on('error', () => arrived.push('an error'))
    socket.on('data', (data) => arrived.push(data.toString('latin1')))
  })
  onTestFinished(() => void listener.close())
  await new Promise<void>((listens) => listener.listen(0, '127.0.0.1', listens))
  return listener
}
