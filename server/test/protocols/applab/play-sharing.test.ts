import { describe, expect, it, onTestFinished } from 'vitest'
import { Remote } from '../../support/network/remote.ts'
import { startTestServer } from '../../support/network/test-server.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

/** Opens the share link, without a token. */
function openShared(project: ApplabProject): Promise<PlayPage> {
  const query = new URLSearchParams({ channel: project.channelId, key: project.pageKey })
  return visits.open(`/play?${query}`)
}

describe('a share link', () => {
  it('is copied by the owner, and lets a visitor without a token run programs', async () => {
    const project = await ApplabProject.create(visits.server, { isOpen: false })
    const owner = await visits.openOwned(project)
    const link = await owner.shareLink()
    expect(link).not.toContain(visits.server.token)
    expect(await owner.page.locator('#share-local').innerText()).toContain('this computer only')

    const pupil = await PlayPage.open(await visits.newContext(), '', link)
    await pupil.viewData()
    await pupil.run()
    await expect.poll(() => pupil.printed()).toHaveLength(2)
    await expect.poll(() => pupil.pairs()).toEqual([['"highScore"', '100']])
    expect(await project.get('highScore')).toBe(100)
    expect(await pupil.button('Share link').isVisible()).toBe(false)
  })

  it('has the page key of now, not of when the project was opened', async () => {
    const project = await ApplabProject.create(visits.server, { isOpen: false })
    const owner = await visits.openOwned(project)
    await owner.button('Run').waitFor()
    const path = `/coatcheck/v1/projects/${project.channelId}/rotate-key`
    const asked = { method: 'POST', token: visits.server.token }
    const { data } = await new Remote(visits.server.url).do(path, asked)
    expect(await owner.shareLink()).toContain(`key=${data.pageKey}`)
    await owner.button('Close').click()
    await owner.page.context().setOffline(true)
    await owner.button('Share link').click()
    await expect
      .poll(() => owner.page.locator('#share-trouble').innerText())
      .toContain('not answer')
    expect(await owner.page.locator('#share-link').isVisible()).toBe(false)
  })

  it('is asked for a value of each key, and not so often that a program can not go on', async () => {
    const project = await ApplabProject.create(visits.server)
    const keys = Array.from({ length: 50 }, (_, n) => `key${n}`)
    const pairs = JSON.stringify(Object.fromEntries(keys.map((key) => [key, 1])))
    await project.asOwner('populate_key_values', { parameters: { key_values_json: pairs } })
    const context = await visits.newContext()
    const kept = JSON.stringify(JSON.stringify({ ...keys }))
    const name = `coatcheck-play keys ${project.channelId}`
    await context.addInitScript({ content: `localStorage.setItem('${name}', ${kept})` })
    await context.clock.install({ time: 0 })
    await context.clock.pauseAt(1_000)
    const asked: string[] = []
    context.on('request', (request) => {
      if (request.url().includes('/get_key_value?')) asked.push(request.url())
    })
    const pupil = await PlayPage.open(
      context,
      visits.server.url,
      `/play?channel=${project.channelId}`,
    )
    await expect.poll(() => pupil.pairs()).toHaveLength(50)
    expect(asked).toHaveLength(50)
    // 1,200 calls a minute are allowed, the program's own included: half of them is 10 a second.
    await pupil.page.clock.runFor(4_900)
    expect(asked).toHaveLength(50)
    await pupil.page.clock.runFor(100)
    await expect.poll(() => asked).toHaveLength(100)
  })

  it('shows changes by others while a program changes a pair again and again', async () => {
    const project = await ApplabProject.create(visits.server)
    await project.set('other', 1)
    const pupil = await openShared(project)
    await pupil.viewData()
    await pupil.writeAndRun(`getKeyValueSync('other')
let n = 0
setInterval(function () { setKeyValue('n', n += 1) }, 300)`)
    await expect.poll(async () => (await pupil.pairs()).length).toBe(2)
    await project.set('other', 2)
    await expect.poll(async () => (await pupil.pairs())[1]).toEqual(['"other"', '2'])
  })

  it('shows only pairs that the program used or that were looked up, and says why', async () => {
    const project = await ApplabProject.create(visits.server, { isOpen: false })
    for (const key of ['used', 'asked', 'secret']) await project.set(key, key)
    const pupil = await openShared(project)
    await pupil.viewData()
    expect(await pupil.page.locator('#limited').innerText()).toContain('opened a share link')
    await pupil.writeAndRun("getKeyValue('used', function (value) { console.log(value) })")
    await expect.poll(() => pupil.pairs()).toEqual([['"used"', '"used"']])
    await pupil.field('Key to look up').fill('none')
    await pupil.button('Look up').click()
    await expect.poll(() => pupil.page.locator('#notice').innerText()).toContain('has no value')
    await pupil.field('Key to look up').fill('asked')
    await pupil.button('Look up').click()
    const both = [
      ['"asked"', '"asked"'],
      ['"used"', '"used"'],
    ]
    await expect.poll(() => pupil.pairs()).toEqual(both)
    await project.set('used', 'anew')
    await expect.poll(async () => (await pupil.pairs()).at(-1)).toEqual(['"used"', '"anew"'])
    await pupil.page.reload()
    await expect
      .poll(async () => (await pupil.pairs()).map(([key]) => key))
      .toEqual(['"asked"', '"used"'])
  })

  it('allows adding, editing and deleting pairs like a page, and says what is not allowed', async () => {
    const rules = [{ key: 'fixed', preset: 'read-only' }]
    const project = await ApplabProject.create(visits.server, { isOpen: false, rules })
    await project.set('fixed', 1)
    const pupil = await openShared(project)
    await pupil.viewData()
    await pupil.add('mine', '1')
    await expect.poll(() => pupil.pairs()).toEqual([['"mine"', '1']])
    await pupil.action('Edit', 'mine').click()
    await pupil.field('Value of "mine"').fill('2')
    await pupil.action('Save', 'mine').click()
    await expect.poll(() => project.get('mine')).toBe(2)
    await pupil.action('Delete', 'mine').click()
    await expect.poll(() => project.get('mine')).toBe(null)
    await pupil.add('fixed', '2')
    await pupil.button('Replace it').click()
    await expect.poll(() => pupil.complaints()).toEqual([expect.stringContaining('not change it')])
    expect(await project.get('fixed')).toBe(1)
    expect(await pupil.field('Value of a new pair').inputValue()).toBe('2')
  })

  it('gives its visitor the same id in programs and in the table', async () => {
    const rules = [{ prefix: 'me/', preset: 'own-keys-only' }]
    const project = await ApplabProject.create(visits.server, { isOpen: false, rules })
    const pupil = await openShared(project)
    await pupil.viewData()
    await pupil.writeAndRun(`
setKeyValueSync('other', 1)
setKeyValue('me/' + getUserId(), 1, function () { console.log(getUserId()) })`)
    await expect.poll(() => pupil.printed()).toHaveLength(1)
    const [userId = ''] = await pupil.printed()
    await pupil.action('Edit', `me/${userId}`).click()
    await pupil.field(`Value of "me/${userId}"`).fill('2')
    await pupil.action('Save', `me/${userId}`).click()
    await expect.poll(() => project.get(`me/${userId}`)).toBe(2)
    await pupil.run()
    await expect.poll(() => pupil.printed()).toEqual([userId])
  })

  it('that is invalid says so when it is opened, in the words of the server', async () => {
    const project = await ApplabProject.create(visits.server, { isOpen: false })
    const { channelId } = project
    const context = await visits.newContext()
    const wrong = `channel=${channelId}&key=wrong`
    const pupil = await PlayPage.open(context, visits.server.url, `/play?${wrong}`)
    for (const query of [wrong, `channel=${channelId}`, 'channel=no']) {
      if (query !== wrong) await pupil.follow(`/play?${query}`)
      const { channel = '', key } = Object.fromEntries(new URLSearchParams(query))
      const headers = key === undefined ? {} : { 'X-Page-Key': key }
      const path = `/datablock_storage/${channel}/get_key_value?key=a`
      const refused = await new Remote(visits.server.url).send(path, { headers })
      expect(refused.status).toBeGreaterThan(400)
      await expect.poll(() => pupil.complaints()).toEqual([JSON.parse(refused.text).msg])
      expect(await pupil.button('Run').isVisible()).toBe(false)
    }
  })

  it('that becomes invalid while it is open says so in the console', async () => {
    const project = await ApplabProject.create(visits.server, { isOpen: false })
    const pupil = await openShared(project)
    await pupil.viewData()
    const path = `/coatcheck/v1/projects/${project.channelId}/rotate-key`
    await new Remote(visits.server.url).do(path, { method: 'POST', token: visits.server.token })
    await pupil.writeAndRun("setKeyValue('key', 1)")
    await expect
      .poll(() => pupil.printed())
      .toEqual([expect.stringMatching(/^WARNING: Line: 1: ./)])
    await pupil.add('key', '1')
    await expect.poll(() => pupil.complaints()).toHaveLength(1)
  })
})

describe('a token', () => {
  it('is asked for, and kept for this tab only', async () => {
    const context = await visits.newContext()
    const play = await PlayPage.open(context, visits.server.url, '/play')
    await play.field('Your token').fill('wrong')
    await play.button('Sign in').click()
    await expect.poll(() => play.complaints()).toEqual(['This token is not valid.'])
    expect(await play.field('Your token').inputValue()).toBe('wrong')
    await play.field('Your token').fill('no token')
    await play.button('Sign in').click()
    await expect.poll(() => play.complaints()).toEqual([expect.stringContaining('no spaces')])
    await play.field('Your token').fill(` ${visits.server.token}\n`)
    await play.button('Sign in').click()
    await play.button('Sign out').waitFor()
    await play.page.reload()
    await play.button('Sign out').waitFor()
    const stored = await play.page.evaluate(() => JSON.stringify(localStorage))
    expect(stored).not.toContain(visits.server.token)
    const other = await PlayPage.open(context, visits.server.url, '/play')
    await other.field('Your token').waitFor()
    await play.button('Sign out').click()
    await play.page.reload()
    await play.field('Your token').waitFor()
  })

  it('that no browser can send is asked for again', async () => {
    const play = await PlayPage.open(
      await visits.newContext(),
      visits.server.url,
      '/play#token=%C5%BEeton',
    )
    await play.field('Your token').waitFor()
    expect(await play.complaints()).toEqual([])
    expect(play.uncaught).toEqual([])
  })

  it('lasts as long as the page where the browser keeps nothing', async () => {
    const context = await visits.newContext()
    // As Chromium does if the user blocks all cookies.
    await context.addInitScript({
      content: `for (const name of ['localStorage', 'sessionStorage']) {
        const get = () => { throw new DOMException('Access is denied.', 'SecurityError') }
        Object.defineProperty(window, name, { get })
      }`,
    })
    const play = await PlayPage.open(context, visits.server.url, '/play')
    await play.field('Your token').fill(visits.server.token)
    await play.button('Sign in').click()
    await play.button('Sign out').waitFor()
    await play.write('// kept')
    expect(await play.page.locator('#program-notice').innerText()).toContain('can’t keep your')
    await play.choose('Example 1: Store a value')
    await play.choose('My program')
    expect(await play.code()).toBe('// kept')
    await play.button('Sign out').click()
    await play.field('Your token').waitFor()
  })

  it('is no longer used after Sign out, by a project that was about to open', async () => {
    const [first, second] = [
      await ApplabProject.create(visits.server),
      await ApplabProject.create(visits.server),
    ]
    const play = await visits.openOwned(first)
    await play.button('Sign out').waitFor()
    const release = await play.hold(`**/projects/${second.channelId}`)
    await play.field('Project').selectOption(second.channelId)
    await play.button('Sign out').click()
    await release()
    expect(await play.field('Your token').isVisible()).toBe(true)
    expect(await play.page.locator('#workbench').isVisible()).toBe(false)
  })

  it('in a link is removed from the address at once', async () => {
    const play = await PlayPage.open(
      await visits.newContext(),
      visits.server.url,
      `/play#token=${visits.server.token}`,
    )
    await play.button('Sign out').or(play.button('Make it')).first().waitFor()
    expect(play.page.url()).toBe(`${visits.server.url}/play`)
    expect(await play.page.evaluate('history.length')).toBeLessThan(3)
  })

  it('that is revoked leads back to the sign-in', async () => {
    const remote = new Remote(visits.server.url)
    const asked = { method: 'POST', token: visits.server.token, json: { name: 'short' } }
    const { data } = await remote.do('/coatcheck/v1/tokens', asked)
    await ApplabProject.create(visits.server)
    const play = await PlayPage.open(
      await visits.newContext(),
      visits.server.url,
      `/play#token=${data.token}`,
    )
    await play.button('Sign out').waitFor()
    const path = `/coatcheck/v1/tokens/${data.id}`
    await remote.send(path, { method: 'DELETE', token: visits.server.token })
    await play.page.reload()
    await expect.poll(() => play.complaints()).toEqual([expect.stringContaining('not valid')])
  })
})

describe('projects', () => {
  it('are made, chosen and remembered, each with its programs and pairs', async () => {
    const fresh = await startTestServer()
    onTestFinished(() => fresh.close())
    const context = await visits.newContext()
    const play = await PlayPage.open(context, fresh.url, `/play#token=${fresh.token}`)
    expect(await play.field('Name of the project').first().inputValue()).toBe('my first project')
    await play.makeFirstProject()
    await play.viewData()
    await play.run()
    await expect.poll(() => play.pairs()).toHaveLength(1)
    await play.write('// first')
    await play.button('New project').click()
    await play.page.locator('#new-name').fill('second')
    await play.page.keyboard.press('Enter')
    await expect
      .poll(() => play.page.locator('#project option').allInnerTexts())
      .toEqual(['my first project', 'second'])
    await expect.poll(() => play.page.locator('#count').innerText()).toBe('0 pairs')
    expect(await play.code()).toContain('//Stores "highScore"')
    await play.page.reload()
    await play.button('Run').waitFor()
    expect(await play.page.locator('#project option:checked').innerText()).toBe('second')
    await play.field('Project').selectOption({ label: 'my first project' })
    await expect.poll(() => play.code()).toBe('// first')
    await expect.poll(() => play.pairs()).toEqual([['"highScore"', '100']])
  })

  it('with the same title are shown with the names of their stores', async () => {
    const fresh = await startTestServer()
    onTestFinished(() => fresh.close())
    for (const name of ['My Game', 'My Game', 'Other']) await ApplabProject.create(fresh, { name })
    const play = await PlayPage.open(
      await visits.newContext(),
      fresh.url,
      `/play#token=${fresh.token}`,
    )
    await play.button('Run').waitFor()
    const labels = await play.page.locator('#project option').allInnerTexts()
    expect(labels.toSorted()).toEqual(['My Game (my-game)', 'My Game (my-game-2)', 'Other'])
  })
})
