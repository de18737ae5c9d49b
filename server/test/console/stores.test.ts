import { beforeEach, expect, it } from 'vitest'
import { Remote } from '../support/network/remote.ts'
import type { ConsolePage } from '../support/pages/console-page.ts'
import { useConsoleVisits } from '../support/pages/console-visits.ts'

const visits = useConsoleVisits()
let count = 0

async function create(name?: string): Promise<{ id: string; name: string | null }> {
  const { url, token } = visits.server
  const query = name === undefined ? '' : `?name=${name}`
  const made = await new Remote(url).do(`/v2/key-value-stores${query}`, { method: 'POST', token })
  return made.data
}

async function put(storeId: string, key: string, value: unknown): Promise<void> {
  const { url, token } = visits.server
  await new Remote(url).send(`/v2/key-value-stores/${storeId}/records/${key}`, {
    method: 'PUT',
    token,
    json: value,
  })
}

/** A name that no other test uses. */
function fresh(name: string): string {
  count += 1
  return `${name}-${count}`
}

let page: ConsolePage

beforeEach(async () => {
  page = await visits.open()
})

it('lists named stores; the checkbox shows unnamed ones too, and is remembered', async () => {
  const named = await create(fresh('named'))
  const unnamed = await create()
  await page.go('#/storage/key-value-stores')
  await expect.poll(() => page.row(named.id).count()).toBe(1)
  expect(await page.row(unnamed.id).count()).toBe(0)
  const box = page.page.getByRole('checkbox', { name: 'Include unnamed key-value stores' })
  await page.page.getByText('Include unnamed key-value stores').click()
  await expect.poll(() => page.row(unnamed.id).count()).toBe(1)
  await page.page.reload()
  await expect.poll(() => box.isChecked()).toBe(true)
  await expect.poll(() => page.row(unnamed.id).count()).toBe(1)
  await page.page.getByText('Include unnamed key-value stores').click()
  await expect.poll(() => page.row(unnamed.id).count()).toBe(0)
})

it('finds stores by a part of the name or the beginning of the ID', async () => {
  const one = await create(fresh('winter-coats'))
  const other = await create(fresh('summer-hats'))
  await page.field('Search by name or ID').fill('ter-co')
  await expect.poll(() => page.row(other.id).count()).toBe(0)
  await expect.poll(() => page.row(one.id).count()).toBe(1)
  await page.field('Search by name or ID').fill(other.id.slice(0, 8))
  await expect.poll(() => page.row(other.id).count()).toBe(1)
  await expect.poll(() => page.row(one.id).count()).toBe(0)
  expect(new URL(page.page.url()).hash).toContain(`q=${other.id.slice(0, 8)}`)
})

it('Name it keeps a store: its time left ends', async () => {
  const { id } = await create()
  await put(id, 'a', 1)
  await page.go('#/storage/key-value-stores?unnamed=1')
  await expect.poll(() => page.row(id).textContent()).toContain('in 6 d 23 h')
  await page.row(id).hover()
  await page.row(id).getByRole('button', { name: 'Name it' }).click()
  const name = fresh('kept')
  await page.dialog.getByRole('textbox', { name: 'Name' }).fill(name)
  await page.page.keyboard.press('Enter')
  await expect.poll(() => page.row(id).textContent()).toContain('kept')
  expect(await page.row(id).textContent()).toContain(name)
})

it('keeps a name that is taken in its field, with the sentence of the server', async () => {
  const { name } = await create(fresh('taken'))
  const { id } = await create()
  await page.go('#/storage/key-value-stores?unnamed=1')
  await page.row(id).hover()
  await page.row(id).getByRole('button', { name: 'Name it' }).click()
  const field = page.dialog.getByRole('textbox', { name: 'Name' })
  await field.fill(name ?? '')
  await page.page.keyboard.press('Enter')
  await expect.poll(() => page.dialog.textContent()).toMatch(/name/i)
  await expect.poll(() => page.dialog.locator('.field-error').textContent()).not.toBe('')
  expect(await field.inputValue()).toBe(name)
})

it('deletes several stores at once, and names them all before', async () => {
  const stores = [await create(fresh('gone')), await create(fresh('gone'))]
  for (const { id } of stores) await put(id, 'a', 1)
  // The list tells what the stores held when it was read.
  await page.page.reload()
  for (const { id } of stores) await page.row(id).getByRole('checkbox').press('Space')
  await page.page.getByLabel('Selected stores').getByRole('button', { name: 'Delete' }).click()
  for (const { name } of stores) {
    await expect.poll(() => page.dialog.textContent()).toContain(name)
  }
  expect(await page.dialog.textContent()).toContain('2 records')
  await page.dialog.getByRole('button', { name: 'Delete' }).click()
  for (const { id } of stores) await expect.poll(() => page.row(id).count()).toBe(0)
})

it('sorts by each column, and turns the order on a second click', async () => {
  const names = ['sort-b', 'sort-a', 'sort-c']
  for (const [at, name] of names.entries()) {
    const { id } = await create(name)
    for (let key = 0; key <= at; key += 1) await put(id, `k${key}`, 'x'.repeat(100 - at * 40))
  }
  await page.go('#/storage/key-value-stores?q=sort-')
  const shown = async (): Promise<string[]> =>
    (await page.page.locator('.tr:not(.head) .name b').allTextContents()).map((name) =>
      name.slice(-1),
    )
  const head = (name: string) => page.page.getByRole('columnheader', { name }).getByRole('button')
  for (const [column, first, second] of [
    ['Name', 'abc', 'cba'],
    ['Records', 'cab', 'bac'],
    ['Modified', 'cab', 'bac'],
  ] as const) {
    await head(column).click()
    await expect.poll(async () => (await shown()).join('')).toBe(first)
    await head(column).click()
    await expect.poll(async () => (await shown()).join('')).toBe(second)
  }
})

it('is used by the keyboard alone', async () => {
  const name = fresh('keys')
  const { id } = await create(name)
  await page.go(`#/storage/key-value-stores?q=${name}`)
  await expect.poll(() => page.row(id).count()).toBe(1)
  await page.page.getByRole('grid', { name: 'Key-value stores' }).focus()
  await page.page.keyboard.press('j')
  await page.page.keyboard.press('x')
  await expect.poll(() => page.page.getByLabel('Selected stores').count()).toBe(1)
  await page.page.keyboard.press('Enter')
  await expect.poll(() => page.page.url()).toContain(`/key-value-stores/${id}/records`)
  await page.page.goBack()
  await expect.poll(() => page.row(id).count()).toBe(1)
})
