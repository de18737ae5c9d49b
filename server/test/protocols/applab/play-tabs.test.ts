import { describe, expect, it } from 'vitest'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import type { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

/** Two tabs of one browser, each with this project. */
async function openTabs(): Promise<{ one: PlayPage; other: PlayPage }> {
  const project = await ApplabProject.create(visits.server)
  const open = async (beside?: PlayPage): Promise<PlayPage> => {
    const play = await visits.openOwned(project, { beside })
    await play.button('Run').waitFor()
    return play
  }
  const one = await open()
  return { one, other: await open(one) }
}

async function reload(play: PlayPage): Promise<void> {
  await play.page.reload()
  await play.button('Run').waitFor()
}

/** All programs in the list, by their names. */
async function programsOf(play: PlayPage): Promise<Record<string, string>> {
  const names = await play.page.locator('#choice option').allInnerTexts()
  const programs: Record<string, string> = {}
  for (const name of names) {
    await play.choose(name)
    programs[name] = await play.code()
  }
  return programs
}

describe('two tabs of one project', () => {
  it('keep the program of each, and say so', async () => {
    const { one, other } = await openTabs()
    await one.write('// written in one')
    await other.write('// written in the other')
    await expect
      .poll(() => one.page.locator('#program-notice').innerText())
      .toBe('Another tab has changed “My program”. What you wrote here is now “My program 2”.')
    await reload(one)
    expect(await one.code()).toBe('// written in one')
    await reload(other)
    expect(await other.code()).toBe('// written in the other')
    for (const play of [one, other]) {
      const programs = await programsOf(play)
      expect(programs['My program']).toBe('// written in the other')
      expect(programs['My program 2']).toBe('// written in one')
    }
  })

  it('keep both versions of an example that both have changed', async () => {
    const { one, other } = await openTabs()
    const name = 'Example 2: Store it and get it again'
    for (const [play, code] of [
      [one, '// one'],
      [other, '// other'],
    ] as const) {
      await play.choose(name)
      await play.page.locator('.cm-content').click()
      await play.page.keyboard.press('ControlOrMeta+A')
      await play.page.keyboard.insertText(code)
    }
    await reload(one)
    const programs = await programsOf(one)
    expect(programs[name]).toBe('// other')
    expect(programs['My program 2']).toBe('// one')
  })

  it('keep both if one was not there to hear of the other', async () => {
    const { one, other } = await openTabs()
    await one.write('// written in one')
    const address = one.page.url()
    await one.page.goto('about:blank')
    await other.write('// written in the other')
    await one.page.goto(address)
    await one.button('Run').waitFor()
    expect(await one.code()).toBe('// written in one')
    expect((await programsOf(one))['My program']).toBe('// written in the other')
  })

  it('show the same program as long as only one of them writes', async () => {
    const { one, other } = await openTabs()
    await one.choose('My program')
    await other.write('// only here')
    await expect.poll(() => one.code()).toBe('// only here')
    await other.page.keyboard.insertText(', and more')
    await expect.poll(() => one.code()).toBe('// only here, and more')
    expect(await one.page.locator('#choice option').allInnerTexts()).toHaveLength(4)
    expect(await one.page.locator('#program-notice').isVisible()).toBe(false)
  })

  it('keep the choice of a program for themselves', async () => {
    const { one, other } = await openTabs()
    await one.choose('Example 3: The biggest number so far')
    await other.choose('Example 2: Store it and get it again')
    await reload(one)
    expect(await one.page.locator('#choice option:checked').innerText()).toContain('Example 3')
  })

  it('keep what programs in both have stored in localStorage', async () => {
    const { one, other } = await openTabs()
    for (const [play, name] of [
      [one, 'one'],
      [other, 'other'],
    ] as const) {
      await play.writeAndRun(`console.log('started')
setInterval(() => {
  localStorage.setItem('${name}', 'kept')
  console.log('stored')
}, 10)`)
    }
    for (const play of [one, other]) {
      await expect.poll(async () => (await play.printed()).join()).toMatch(/^started,stored×/)
    }
    await reload(one)
    await one.writeAndRun('console.log(Object.keys(localStorage).sort().join())')
    await expect.poll(() => one.printed()).toEqual(['one,other'])
  })
})

it('two tabs of two projects each open their own after a reload', async () => {
  const { one, other } = await openTabs()
  const first = await one.field('Project').inputValue()
  await other.button('New project').click()
  await other.page.locator('#new-name').fill('second')
  await other.page.keyboard.press('Enter')
  await expect.poll(() => other.field('Project').inputValue()).not.toBe(first)
  await reload(one)
  expect(await one.field('Project').inputValue()).toBe(first)
})
