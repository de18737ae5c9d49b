import { beforeEach, expect, it } from 'vitest'
import { Remote } from '../support/network/remote.ts'
import type { ConsolePage } from '../support/pages/console-page.ts'
import { useConsoleVisits } from '../support/pages/console-visits.ts'

const visits = useConsoleVisits()
let page: ConsolePage
let path = ''
let count = 0

beforeEach(async () => {
  const { url, token } = visits.server
  count += 1
  const remote = new Remote(url)
  const query = `name=settings-${count}`
  const { data } = await remote.do(`/v2/key-value-stores?${query}`, { method: 'POST', token })
  path = `/v2/key-value-stores/${data.id}`
  await remote.send(`${path}/records/a`, { method: 'PUT', token, json: 1 })
  page = await visits.open(`#/storage/key-value-stores/${data.id}/settings`)
})

const status = async (of: string, token?: string): Promise<number> =>
  (await new Remote(visits.server.url).send(of, { token })).status

it('Anyone with the ID: who knows it reads without a token', async () => {
  expect(await status(`${path}/records/a`)).not.toBe(200)
  await page.page.getByText('Anyone with the ID', { exact: true }).click()
  await expect.poll(() => status(`${path}/records/a`)).toBe(200)
  await page.page.getByText('Restricted', { exact: true }).last().click()
  await expect.poll(() => status(`${path}/records/a`)).not.toBe(200)
})

it('Reset signing secret: a link that was signed before does not open any more', async () => {
  const { url, token } = visits.server
  const { data } = await new Remote(url).do(`${path}/keys`, { token })
  const signed = data.items[0].recordPublicUrl.slice(url.length)
  expect(await status(signed)).toBe(200)
  await page.button('Reset signing secret').click()
  await page.dialog.getByRole('button', { name: 'Reset' }).click()
  await expect.poll(() => status(signed)).toBe(403)
})

it('lets people in, changes their right, and takes it away', async () => {
  const { url, token } = visits.server
  const json = { username: `joe-${count}` }
  const asked = { method: 'POST', token, json }
  const joe = (await new Remote(url).do('/coatcheck/v1/users', asked)).data.token
  await page.field('Username').fill('nobody-has-this-name')
  await page.button('Let in').click()
  await expect.poll(() => page.page.locator('.add-person .field-error').textContent()).not.toBe('')
  expect(await page.field('Username').inputValue()).toBe('nobody-has-this-name')
  await page.field('Username').fill(json.username)
  await page.button('Let in').click()
  await page.button(`Right of ${json.username}`).waitFor()
  expect(await status(`${path}/records/a`, joe.token)).toBe(200)
  const put = async (): Promise<number> => {
    const sent = { method: 'PUT', token: joe.token, json: 2 }
    return (await new Remote(url).send(`${path}/records/a`, sent)).status
  }
  expect(await put()).toBe(403)
  await page.button(`Right of ${json.username}`).click()
  await page.page.getByRole('menuitem', { name: 'Can write' }).click()
  await page.page.getByText('Can write').waitFor()
  expect(await put()).toBeLessThan(300)
  await page.button(`Right of ${json.username}`).click()
  await page.page.getByRole('menuitem', { name: 'Take the right away' }).click()
  await page.page.getByText('Nobody but the owner.').waitFor()
  expect(await status(`${path}/records/a`, joe.token)).toBe(403)
})

it('keeps a name that the server refuses in its field', async () => {
  const name = page.page.getByRole('textbox', { name: 'Name', exact: true })
  await name.fill('not a name!')
  await page.button('Save name').click()
  await expect.poll(() => page.page.locator('.field-error').first().textContent()).toMatch(/name/i)
  expect(await name.inputValue()).toBe('not a name!')
})
