import { describe, expect, it } from 'vitest'
import { Remote } from '../../support/network/remote.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import type { PlayPage } from '../../support/pages/play-page.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

type Pairs = Readonly<Record<string, unknown>>

/** The page with the table of a new project, as its owner. */
async function openTable(pairs: Pairs): Promise<{ play: PlayPage; project: ApplabProject }> {
  const project = await ApplabProject.create(visits.server)
  for (const [key, value] of Object.entries(pairs)) await project.set(key, value)
  const play = await open(`/play?channel=${project.channelId}#token=${visits.server.token}`)
  await expect.poll(() => play.pairs()).toHaveLength(Object.keys(pairs).length)
  return { play, project }
}

/** The page with these pairs, as somebody with a share link. */
async function openShared(pairs: Pairs): Promise<{ play: PlayPage; project: ApplabProject }> {
  const project = await ApplabProject.create(visits.server)
  for (const [key, value] of Object.entries(pairs)) await project.set(key, value)
  const play = await open(`/play?channel=${project.channelId}`)
  for (const key of Object.keys(pairs)) {
    await play.field('Key to look up').fill(key)
    await play.button('Look up').click()
    await play.action('Edit', key).waitFor()
  }
  return { play, project }
}

async function open(address: string): Promise<PlayPage> {
  const play = await visits.open(address)
  await play.viewData()
  return play
}

/** Keeps the table as it is: it reads no pairs any more, but writes still work. */
async function stopReading(play: PlayPage): Promise<void> {
  await play.page.route('**/get_key_values', () => undefined)
  const asked = play.page.waitForRequest('**/get_key_values')
  await play.readAll()
  await asked
}

describe.each([
  ['the owner', openTable],
  ['a visitor with a share link', openShared],
])('a deletion by %s', (_, openAs) => {
  it('is undone by itself, whatever was deleted after it', async () => {
    const { play, project } = await openAs({ aa: 1, bb: [2], cc: 'three' })
    for (const key of ['aa', 'bb', 'cc']) {
      await play.action('Delete', key).click()
      await play.deleted(key).waitFor()
    }
    await expect.poll(() => project.all()).toEqual({})
    await play.deleted('bb').getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => project.all()).toEqual({ bb: [2] })
    await play.deleted('aa').getByRole('button', { name: 'Undo' }).click()
    await play.deleted('cc').getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => project.all()).toEqual({ aa: 1, bb: [2], cc: 'three' })
    await expect.poll(() => play.page.locator('#deletions li').count()).toBe(0)
  })

  it('is undone only where nothing is: else both values are shown', async () => {
    const { play, project } = await openAs({ score: 100 })
    await play.action('Delete', 'score').click()
    const line = play.deleted('score')
    await line.waitFor()
    await project.set('score', 777)
    await expect.poll(() => line.innerText()).toContain('"score" was 100 and is 777 now.')
    expect(await project.get('score')).toBe(777)
    await line.getByRole('button', { name: 'Put 100 back' }).click()
    await expect.poll(() => project.get('score')).toBe(100)
    await expect.poll(() => line.count()).toBe(0)
  })
})

describe('a deletion', () => {
  it('is not undone over a value that the page has not read yet', async () => {
    const { play, project } = await openTable({ score: 100 })
    await play.action('Delete', 'score').click()
    const line = play.deleted('score')
    await line.waitFor()
    await stopReading(play)
    await project.set('score', 777)
    await line.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => line.innerText()).toContain('"score" was 100 and is 777 now.')
    expect(await project.get('score')).toBe(777)
  })

  it('does not delete a value that the page has not read yet', async () => {
    const { play, project } = await openTable({ score: 100 })
    await stopReading(play)
    await project.set('score', 777)
    await play.action('Delete', 'score').click()
    await expect
      .poll(() => play.complaints())
      .toEqual(['Nothing was deleted: the value has just become 777.'])
    expect(await project.get('score')).toBe(777)
    await play.action('Delete', 'score').click()
    await expect.poll(() => project.get('score')).toBe(null)
  })

  it('is still listed when another project was open meanwhile', async () => {
    const { play, project } = await openTable({ aa: 1 })
    await play.action('Delete', 'aa').click()
    await play.deleted('aa').waitFor()
    await play.button('New project').click()
    await play.page.locator('#new-name').fill('another')
    await play.page.keyboard.press('Enter')
    await expect.poll(() => play.deleted('aa').count()).toBe(0)
    await play.field('Project').selectOption(project.channelId)
    await play.deleted('aa').getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => project.get('aa')).toBe(1)
  })

  it('that is answered after another project was opened belongs to its own', async () => {
    const { play, project } = await openTable({ aa: 1 })
    const other = await ApplabProject.create(visits.server)
    await other.set('bb', 1)
    await play.page.reload()
    await play.action('Delete', 'aa').waitFor()
    const release = await play.hold('**/delete_key_value')
    await play.action('Delete', 'aa').click()
    await play.field('Project').selectOption(other.channelId)
    await play.action('Edit', 'bb').waitFor()
    const read: string[] = []
    play.page.on('request', (request) => read.push(request.url()))
    await release()
    await play.page.waitForRequest(`**/${other.channelId}/get_key_values`)
    expect(read.filter((url) => url.includes(project.channelId))).toEqual([])
    expect(await play.pairs()).toEqual([['"bb"', '1']])
    expect(await play.deleted('aa').count()).toBe(0)
    await play.field('Project').selectOption(project.channelId)
    await play.deleted('aa').getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => project.get('aa')).toBe(1)
    expect(await other.all()).toEqual({ bb: 1 })
  })

  it('does not take the focus from the program', async () => {
    const { play } = await openTable({ aa: 1 })
    const release = await play.hold('**/delete_key_value')
    await play.action('Delete', 'aa').click()
    await play.page.locator('.cm-content').click()
    await release()
    await play.deleted('aa').waitFor()
    expect(await play.page.evaluate('document.activeElement.className')).toContain('cm-content')
  })

  it('leaves the buttons of a pair that was back before the table was read', async () => {
    const { play, project } = await openTable({ aa: 1 })
    const release = await play.hold('**/get_key_values')
    await play.page.waitForRequest('**/get_key_values')
    await play.action('Delete', 'aa').click()
    await play.deleted('aa').waitFor()
    await project.set('aa', 1)
    await release()
    await play.action('Delete', 'aa').click()
    await expect.poll(() => project.get('aa')).toBe(null)
  })

  it('may be of a value that is too large for pages', async () => {
    const { play, project } = await openTable({})
    const path = `/v2/key-value-stores/${project.storeId}/records/large`
    const json = 'x'.repeat(1_048_576)
    await new Remote(visits.server.url).do(path, {
      method: 'PUT',
      token: visits.server.token,
      json,
    })
    await play.action('Delete', 'large').click()
    await expect.poll(() => project.get('large')).toBe(null)
  })

  it('is listed no longer when the value is back', async () => {
    const { play, project } = await openTable({ aa: 1 })
    await play.action('Delete', 'aa').click()
    await expect.poll(() => play.pairs()).toEqual([])
    await play.deleted('aa').waitFor()
    await project.set('aa', 1)
    await expect.poll(() => play.deleted('aa').count()).toBe(0)
  })

  it('by a blank value can be undone too', async () => {
    const { play, project } = await openTable({ name: 'Ada', other: 1 })
    await play.action('Edit', 'name').click()
    await play.field('Value of "name"').fill(' ')
    await play.page.keyboard.press('Enter')
    await play.deleted('name').waitFor()
    await play.add('other', 'null')
    await play.deleted('other').waitFor()
    await play.deleted('name').getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => project.all()).toEqual({ name: 'Ada' })
  })
})

describe('a pair that is added', () => {
  it('replaces a value that is there only after a question', async () => {
    const { play, project } = await openTable({ there: { a: 1 } })
    await play.add('there', '2')
    await expect.poll(() => play.complaints()).toEqual(['The key "there" has {"a":1}. Replace it'])
    await play.page.keyboard.press('Enter')
    await expect.poll(() => play.button('Replace it').isVisible()).toBe(true)
    expect(await project.get('there')).toEqual({ a: 1 })
    expect(await play.field('Value of a new pair').inputValue()).toBe('2')
    await play.button('Replace it').click()
    await expect.poll(() => project.get('there')).toBe(2)
    await expect.poll(() => play.field('Key of a new pair').inputValue()).toBe('')
  })

  it('asks too if the page does not know of the value', async () => {
    const project = await ApplabProject.create(visits.server)
    await project.set('unseen', 1)
    const play = await open(`/play?channel=${project.channelId}`)
    await play.add('unseen', '2')
    await expect.poll(() => play.complaints()).toEqual(['The key "unseen" has 1. Replace it'])
    expect(await project.get('unseen')).toBe(1)
    await play.field('Value of a new pair').fill('')
    expect(await play.complaints()).toEqual([])
    await play.page.keyboard.press('Enter')
    await expect.poll(() => play.complaints()).toEqual(['The key "unseen" has 1. Delete it'])
    expect(await project.get('unseen')).toBe(1)
    await play.button('Delete it').click()
    await expect.poll(() => project.get('unseen')).toBe(null)
    await play.deleted('unseen').getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => project.get('unseen')).toBe(1)
  })

  it('asks nothing if the same value is there already', async () => {
    const { play } = await openTable({ there: 1 })
    await play.add('there', '1')
    await expect.poll(() => play.field('Key of a new pair').inputValue()).toBe('')
    expect(await play.complaints()).toEqual([])
  })
})

describe('a pair that is edited', () => {
  it('shows the saved value at once, which can then be deleted', async () => {
    const { play, project } = await openTable({ score: 1 })
    await stopReading(play)
    await play.action('Edit', 'score').click()
    await play.field('Value of "score"').fill('2')
    await play.page.keyboard.press('Enter')
    await play.action('Delete', 'score').waitFor()
    expect(await play.pairs()).toEqual([['"score"', '2']])
    await play.action('Delete', 'score').click()
    await expect.poll(() => project.get('score')).toBe(null)
    expect(await play.complaints()).toEqual([])
  })

  it('does not overwrite a value that the user has not seen', async () => {
    const { play, project } = await openTable({ name: 'Ada' })
    await play.action('Edit', 'name').click()
    await stopReading(play)
    await project.set('name', 'Mary')
    await play.field('Value of "name"').fill('"Grace"')
    await play.action('Save', 'name').click()
    const row = play.page.locator('tr', { has: play.field('Value of "name"') })
    await expect.poll(() => row.innerText()).toContain('Meanwhile the value became "Mary".')
    expect(await project.get('name')).toBe('Mary')
    await play.action('Save', 'name').click()
    await expect.poll(() => project.get('name')).toBe('Grace')
  })

  it('may have any spelling of JSON that another door stored', async () => {
    const { play, project } = await openTable({})
    const parameters = { key: 'spelled', value: ' [1,  2.50 ]\n' }
    await project.asOwner('set_key_value', { parameters })
    await play.action('Edit', 'spelled').click()
    await play.field('Value of "spelled"').fill('5')
    await play.action('Save', 'spelled').click()
    await expect.poll(() => project.get('spelled')).toBe(5)
  })
})
