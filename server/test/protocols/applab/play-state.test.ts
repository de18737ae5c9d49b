import { describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../support/network/test-server.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import type { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

/** The page with a new project of its owner. */
async function openProject(on?: TestServer): Promise<PlayPage> {
  const play = await visits.openOwned(await ApplabProject.create(on ?? visits.server), { on })
  await play.button('Run').waitFor()
  return play
}

describe('a program', () => {
  it('that cannot start because the server is down says so, and does not run', async () => {
    const other = await startTestServer()
    const play = await openProject(other)
    await other.close()
    await play.run()
    await expect
      .poll(() => play.printed())
      .toEqual(['ERROR: The server does not answer. Is it running?'])
    expect(await play.state()).toBe('Stopped: error')
    expect(await play.button('Stop').isDisabled()).toBe(true)
  })

  it('that cannot start because the page script does not load says the same', async () => {
    const play = await openProject()
    await play.page.route('**/applab.js', (route) => route.abort())
    await play.run()
    await expect
      .poll(() => play.printed())
      .toEqual(['ERROR: The server does not answer. Is it running?'])
    expect(await play.state()).toBe('Stopped: error')
  })

  it('without open timers or requests is done', async () => {
    const play = await openProject()
    for (const code of [
      "console.log('only this')",
      "setKeyValue('key', 1, () => getKeyValue('key', console.log))",
      'setTimeout(() => { const id = setInterval(() => clearTimeout(id), 1) }, 1)',
      'requestAnimationFrame(() => {})',
    ]) {
      await play.writeAndRun(code)
      await expect.poll(() => play.state(), { message: code }).toBe('Done')
      expect(await play.button('Stop').isDisabled()).toBe(true)
      expect(await play.button('Run').isVisible()).toBe(true)
    }
  })

  it('that throws an error is stopped', async () => {
    const play = await openProject()
    for (const code of [
      'var b = = 2',
      'missing()',
      "missing(); addEventListener('message', () => {})",
      "setKeyValue('key', 1, () => missing())",
    ]) {
      await play.writeAndRun(code)
      await expect.poll(() => play.state(), { message: code }).toBe('Stopped: error')
      expect(await play.printed(), code).toHaveLength(1)
    }
  })

  it('with open timers or connections is running', async () => {
    const play = await openProject()
    for (const code of [
      "setInterval(() => {}, 10); console.log('begun')",
      "const socket = new WebSocket('ws://127.0.0.1:9'); console.log('begun')",
      "setTimeout(() => {}, 600000); console.log('begun'); missing()",
    ]) {
      await play.writeAndRun(code)
      await expect.poll(async () => (await play.printed())[0], { message: code }).toBe('begun')
      // The request of another page was answered, so all earlier messages have arrived.
      await play.page.evaluate("fetch('play/frame').then(() => 1)")
      expect(await play.state(), code).toBe('Running')
      await play.button('Stop').click()
      expect(await play.state(), code).toBe('')
    }
  })

  it('is stopped when another one is chosen', async () => {
    const play = await openProject()
    await play.writeAndRun("let n = 0; setInterval(() => console.log('tick', n++), 1)")
    await expect.poll(async () => (await play.printed()).length).toBeGreaterThan(2)
    await play.choose('Example 2: Store it and get it again')
    expect(await play.button('Stop').isDisabled()).toBe(true)
    expect(await play.state()).toBe('')
    expect(await play.printed()).toEqual([])
    await play.run()
    await expect.poll(() => play.printed()).toEqual(['highScore stored', 'high score is: 100'])
  })

  it('that prints nothing removes the hint to press Run from the console', async () => {
    const play = await openProject()
    const hint = (): Promise<unknown> =>
      play.page.evaluate("getComputedStyle(document.getElementById('lines'), '::before').content")
    expect(await hint()).toContain('Press Run')
    await play.writeAndRun('// nothing')
    await expect.poll(hint).toContain('The program is done.')
    expect(await hint()).not.toContain('Press Run')
  })
})
