import { beforeEach, expect, it } from 'vitest'
import { Remote } from '../support/network/remote.ts'
import type { ConsolePage } from '../support/pages/console-page.ts'
import { useConsoleVisits } from '../support/pages/console-visits.ts'

const visits = useConsoleVisits()
let page: ConsolePage
let count = 0
let storeId = ''

beforeEach(async () => {
  const { url, token } = visits.server
  count += 1
  const path = `/v2/key-value-stores?name=store-${count}`
  storeId = (await new Remote(url).do(path, { method: 'POST', token })).data.id
  page = await visits.open()
})

const records = (query = ''): string => `#/storage/key-value-stores/${storeId}/records${query}`

async function put(key: string, value: string, contentType = 'application/json'): Promise<void> {
  const { url, token } = visits.server
  const path = `/v2/key-value-stores/${storeId}/record?key=${encodeURIComponent(key)}`
  const headers = { 'Content-Type': contentType }
  await new Remote(url).send(path, { method: 'PUT', token, headers, body: value })
}

async function read(key: string, token?: string): Promise<{ status: number; text: string }> {
  const path = `/v2/key-value-stores/${storeId}/record?key=${encodeURIComponent(key)}`
  return new Remote(visits.server.url).send(path, { token })
}

it('lists the records, also of unusual keys, and opens them; the address leads there again', async () => {
  const keys = ['', '..', 'a/b', '🎉 ключ', '<img src=x onerror=alert(1)>']
  for (const key of keys) await put(key, JSON.stringify({ of: key }))
  await page.go(records())
  await expect
    .poll(() => page.page.locator('.tr:not(.head) code').allTextContents())
    .toEqual(["''", '..', '<img src=x onerror=alert(1)>', 'a/b', '🎉 ключ'])
  const row = page.page.getByRole('row', { name: 'a/b' })
  await row.hover()
  await row.getByRole('button', { name: 'View' }).click()
  const record = page.page.getByLabel('Record a/b')
  await expect.poll(() => record.textContent()).toContain('"a/b"')
  await page.page.reload()
  await expect.poll(() => record.textContent()).toContain('"a/b"')
  await page.page.goBack()
  await expect.poll(() => record.count()).toBe(0)
  expect(page.errors).toEqual([])
})

it('keeps only keys that begin with what is typed, and shows changes as they come', async () => {
  await put('runs/1', '1')
  await put('config', '2')
  await page.go(records())
  await expect.poll(() => page.row('config').count()).toBe(1)
  await page.field('Keys that begin with').fill('runs/')
  await expect.poll(() => page.row('config').count()).toBe(0)
  expect(new URL(page.page.url()).hash).toContain('prefix=runs')
  await put('runs/2', '3')
  await expect.poll(() => page.row('runs/2').count()).toBe(1)
})

it('deletes a record from its row, and Undo puts it back with its type', async () => {
  await put('note', 'bytes', 'text/markdown')
  await page.go(records())
  await page.row('note').hover()
  await page.row('note').getByRole('button', { name: 'Delete' }).click()
  await expect.poll(() => page.row('note').count()).toBe(0)
  expect((await read('note', visits.server.token)).status).toBe(404)
  await page.messages.getByRole('button', { name: 'Undo' }).click()
  await expect.poll(() => page.row('note').count()).toBe(1)
  expect((await read('note', visits.server.token)).text).toBe('bytes')
})

it('is used by the keyboard alone: move, view, close, delete, undo', async () => {
  for (const key of ['a', 'b', 'c']) await put(key, `"${key}"`)
  await page.go(records())
  const rowOf = (key: string) => page.page.getByRole('row', { name: key, exact: true })
  await expect.poll(() => rowOf('c').count()).toBe(1)
  const grid = page.page.getByRole('grid', { name: 'Records' })
  await grid.focus()
  for (const key of ['j', 'ArrowDown', 'Enter']) await page.page.keyboard.press(key)
  const record = page.page.getByLabel('Record b')
  await record.waitFor()
  await page.page.keyboard.press('Escape')
  await expect.poll(() => record.count()).toBe(0)
  // A change above the current row moves it, and must not move another one into its place.
  await put('aa', '1')
  await expect.poll(() => rowOf('aa').count()).toBe(1)
  await grid.focus()
  await page.page.keyboard.press('Delete')
  await expect.poll(() => read('b', visits.server.token).then(({ status }) => status)).toBe(404)
  await page.messages.getByText('Deleted b.').waitFor()
  await page.page.keyboard.press('Control+z')
  await expect.poll(() => read('b', visits.server.token).then(({ text }) => text)).toBe('"b"')
})

it('shows 1,200 records through one box, to the last, with few rows on the page', async () => {
  for (let at = 0; at < 1_200; at += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => put(`k${at + i + 10_000}`, '1')))
  }
  await page.go(records())
  const grid = page.page.getByRole('grid', { name: 'Records' })
  await expect.poll(() => page.row('k10000').count()).toBe(1)
  await grid.focus()
  await expect
    .poll(async () => {
      await page.page.keyboard.press('End')
      return page.row('k11199').count()
    })
    .toBe(1)
  expect(await page.page.locator('.tr:not(.head)').count()).toBeLessThan(60)
})

it('takes the name away and brings it back: the badge comes and goes', async () => {
  await page.go(records())
  await page.button('Actions of this store').click()
  await page.page.getByRole('menuitem', { name: 'Take the name away' }).click()
  await expect.poll(() => page.page.locator('.head-block').textContent()).toContain('Unnamed')
  expect(await page.page.locator('.head-block').textContent()).toMatch(/Will be deleted in [67] d/)
  await page.button('Name it').click()
  await page.dialog.getByRole('textbox', { name: 'Name' }).fill(`again-${count}`)
  await page.page.keyboard.press('Enter')
  await expect.poll(() => page.page.locator('h1').textContent()).toBe(`again-${count}`)
  expect(await page.page.locator('.head-block').textContent()).not.toContain('Will be deleted')
})

it('offers to a token that may only read nothing that writes', async () => {
  await put('a', '1')
  const { url, token } = visits.server
  const json = { action: 'read' }
  const made = await new Remote(url).do('/coatcheck/v1/tokens', { method: 'POST', token, json })
  const context = await visits.newContext()
  const reader = await context.newPage()
  await reader.addInitScript(
    (kept) => sessionStorage.setItem('coatcheck-console-token', kept),
    made.data.token as string,
  )
  await reader.goto(`${url}/${records('?key=a')}`)
  await reader.getByLabel('Record a').getByText('Copy link').waitFor()
  expect(await reader.getByRole('button', { name: /^(Edit|Delete|Actions|Rename)/ }).count()).toBe(
    0,
  )
  expect(await reader.getByRole('button', { name: /New record/ }).getAttribute('aria-label')).toBe(
    'New record: You may only read this store.',
  )
})

it('fits on a phone without scrolling sideways', async () => {
  await put('a-key-that-is-longer-than-a-phone-is-wide/'.repeat(4), '1')
  await page.page.setViewportSize({ width: 390, height: 800 })
  for (const at of ['#/', records(), records('?key=a')]) {
    await page.go(at)
    await page.page.getByRole('navigation', { name: 'Main' }).waitFor()
    const widths = await page.page.evaluate<number[]>(
      '[document.documentElement.scrollWidth, document.body.scrollWidth]',
    )
    expect(Math.max(...widths)).toBeLessThanOrEqual(390)
    const button = page.button(/New record|New store/)
    if (await button.count()) {
      const box = await button.first().boundingBox()
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(390)
    }
  }
})
