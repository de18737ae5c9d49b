import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Remote } from '../../support/network/remote.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'
import { usePlayVisits } from '../../support/pages/play-visits.ts'

const visits = usePlayVisits()

it('the table follows changes live, and tells who made them', async () => {
  const project = await ApplabProject.create(visits.server)
  await project.set('score', 1)
  const play = await visits.openOwned(project)
  await play.viewData()
  await expect.poll(() => play.pairs()).toEqual([['"score"', '1']])
  const reads: string[] = []
  play.page.on('request', (request) => reads.push(new URL(request.url()).pathname))
  const path = `/v2/key-value-stores/${project.storeId}/records/score`
  const { url, token } = visits.server
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const me = await new Remote(url).do('/v2/users/me', { token })
  const { username } = me.data
  await fetch(url + path, { method: 'PUT', body: '2', headers })
  const by = play.page.locator('#pairs [data-by]').first()
  const told = (): Promise<string | null> => by.getAttribute('data-by')
  await expect.poll(told).toBe(`changed by ${username}, through Apify's API`)
  await expect.poll(() => play.pairs()).toEqual([['"score"', '2']])
  await project.set('score', 3)
  await expect.poll(told).toBe(`changed by ${username}`)
  await project.asPage('set_key_value', { parameters: { key: 'score', value: '4' } })
  await expect.poll(told).toBe('changed by a page')
  await sleep(2_500)
  // Nothing is read again without a change.
  expect(reads.filter((read) => read.endsWith('/get_key_values')).length).toBeLessThan(5)
})
