import { expect, it } from 'vitest'
import { Remote } from '../support/network/remote.ts'
import { ConsolePage } from '../support/pages/console-page.ts'
import { useConsoleVisits } from '../support/pages/console-visits.ts'

const visits = useConsoleVisits()
const token = (): string => visits.server.token

async function stranger(): Promise<ConsolePage> {
  return ConsolePage.open(await visits.newContext(), visits.server.url)
}

it('signs in with a pasted token, also in a new tab, and out in all of them', async () => {
  const page = await stranger()
  const foreign: string[] = []
  page.page.on('request', (request) => {
    if (!request.url().startsWith(visits.server.url)) foreign.push(request.url())
  })
  await page.field('Token').fill(token())
  await page.button('Sign in').click()
  await page.link('Key-value stores').waitFor()
  const second = await ConsolePage.open(page.page.context(), visits.server.url)
  await second.link('Key-value stores').waitFor()
  expect(page.page.url() + second.page.url()).not.toContain(token())
  await second.button(/^Account of/).click()
  await second.page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.field('Token').waitFor()
  await second.page.reload()
  await second.field('Token').waitFor()
  expect(foreign).toEqual([])
})

it('leads to /play, also without a token', async () => {
  const page = await stranger()
  await page.link('write programs in /play').click()
  await page.page.waitForURL(`${visits.server.url}/play`)
})

it('keeps a wrong token in its field, with the sentence of the server', async () => {
  const page = await stranger()
  await page.button('Sign in').click()
  await expect.poll(() => page.page.locator('.field-error').textContent()).toBe('Paste a token.')
  await page.field('Token').fill('coatcheck_wrong')
  await page.button('Sign in').click()
  await expect.poll(() => page.page.locator('.field-error').textContent()).toMatch(/not valid/)
  expect(await page.field('Token').inputValue()).toBe('coatcheck_wrong')
})

it('asks for a token over the page when the old one ends, and goes on', async () => {
  const { url } = visits.server
  const remote = new Remote(url)
  const { data } = await remote.do('/coatcheck/v1/tokens', { method: 'POST', token: token() })
  const context = await visits.newContext()
  const page = await ConsolePage.open(context, url, { token: data.token })
  await page.field('Search by name or ID').fill('typed')
  await remote.send(`/coatcheck/v1/tokens/${data.id}`, { method: 'DELETE', token: token() })
  const over = page.page.getByRole('dialog', { name: 'Sign in again' })
  await over.waitFor({ timeout: 15_000 })
  await over.getByRole('textbox', { name: 'Token' }).fill(token())
  await over.getByRole('button', { name: 'Sign in' }).click()
  await expect.poll(() => over.count()).toBe(0)
  expect(await page.field('Search by name or ID').inputValue()).toBe('typed')
})

it('says that the server is silent, and goes on by itself', async () => {
  const context = await visits.newContext()
  const page = await ConsolePage.open(context, visits.server.url, { token: token() })
  await page.link('Key-value stores').waitFor()
  await context.setOffline(true)
  const banner = page.page.getByText(/No answer from the server\. Trying again in \d s/)
  await banner.waitFor({ timeout: 15_000 })
  await context.setOffline(false)
  await expect.poll(() => banner.count(), { timeout: 15_000 }).toBe(0)
})

it('is served with a policy that lets nobody else run scripts in it, or frame it', async () => {
  const page = await fetch(`${visits.server.url}/`)
  const policy = page.headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self';")
  expect(policy).toContain("frame-ancestors 'none'")
  const [script = ''] = /\/console\/[^"]+\.js/.exec(await page.text()) ?? []
  const packed = await fetch(visits.server.url + script)
  expect(packed.headers.get('content-encoding')).toBe('gzip')
  expect(packed.headers.get('cache-control')).toContain('immutable')
  for (const path of ['/console/', '/console/none.js', '/console/..%2findex.html']) {
    expect((await fetch(visits.server.url + path)).status).toBe(404)
  }
})
