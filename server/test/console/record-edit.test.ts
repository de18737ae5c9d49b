import { brotliCompressSync } from 'node:zlib'
import type { Locator } from 'playwright-core'
import { beforeEach, expect, it } from 'vitest'
import { Remote } from '../support/network/remote.ts'
import type { ConsolePage } from '../support/pages/console-page.ts'
import { useConsoleVisits } from '../support/pages/console-visits.ts'
import { RecordPage } from '../support/pages/record-page.ts'

const visits = useConsoleVisits()
const json = 'application/json'
let shown: ConsolePage
let records: RecordPage

beforeEach(async () => {
  shown = await visits.open()
  records = await RecordPage.make(visits.server, shown)
})

/** Replaces all that is in an editor. */
async function retype(editor: Locator, text: string): Promise<void> {
  await editor.click()
  await shown.page.keyboard.press('Control+a')
  await shown.page.keyboard.insertText(text)
}

it('Format and Save keep 9007199254740993 and every other digit', async () => {
  await records.put('big', '{"id":9007199254740993,"n":1.50}', json)
  await records.open('big')
  await records.edit()
  await records.button('Format').click()
  await shown.page.keyboard.press('Control+s')
  await expect.poll(() => shown.messages.textContent()).toContain('Saved big.')
  const { text, headers } = await records.stored('big')
  expect(text).toBe('{\n  "id": 9007199254740993,\n  "n": 1.50\n}\n')
  expect(headers.get('content-type')).toBe(json)
  await expect
    .poll(() => records.value('Value as JSON').textContent())
    .toContain('9007199254740993')
})

it('saves the last letter, also if Ctrl-S comes in the same moment', async () => {
  await records.put('quick', 'old', 'text/plain')
  await records.open('quick')
  const editor = await records.edit()
  await editor.click()
  await shown.page.keyboard.press('Control+End')
  // The editor hears of the letter, and the page has had no time to draw anything.
  await shown.page.evaluate(`(async () => {
    document.execCommand('insertText', false, '!')
    await null
    const keys = { key: 's', ctrlKey: true, bubbles: true, cancelable: true }
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', keys))
  })()`)
  await expect.poll(() => shown.messages.textContent()).toContain('Saved quick.')
  expect((await records.stored('quick')).text).toBe('old!')
})

it('says in which line JSON is wrong, and saves none such', async () => {
  await records.put('a', '{"a":1}', json)
  await records.open('a')
  const editor = await records.edit()
  await retype(editor, '{"a":1,\n}')
  await expect.poll(() => records.pane.locator('.edit-foot').textContent()).toContain('Line 2: ')
  await shown.page.keyboard.press('Control+s')
  await retype(editor, '{"a":2}')
  await shown.page.keyboard.press('Control+s')
  await expect.poll(() => shown.messages.textContent()).toContain('Saved a.')
  expect((await records.stored('a')).text).toBe('{"a":2}')
})

it('asks before what was typed is left, by Back or by Cancel', async () => {
  await records.put('one', 'old', 'text/plain')
  await records.put('two', 'two', 'text/plain')
  await records.open('two')
  await records.open('one')
  await retype(await records.edit(), 'new')
  await shown.page.goBack()
  await expect.poll(() => shown.dialog.textContent()).toContain('Leave without saving?')
  await shown.dialog.getByRole('button', { name: 'Keep editing' }).click()
  const editor = records.pane.getByRole('textbox', { name: 'Value' })
  expect(await editor.textContent()).toBe('new')
  await records.button('Cancel').click()
  await shown.dialog.getByRole('button', { name: 'Discard changes' }).click()
  await expect.poll(() => records.value('Value as text').textContent()).toBe('old')
})

it('412: shows both sides; Keep mine, Take theirs', async () => {
  await records.put('score', '{"a":1}', json)
  await records.open('score')
  await retype(await records.edit(), '{"a":"mine"}')
  await records.put('score', '{"a":"theirs"}', json)
  await records.button('Save').click()
  const alert = records.pane.getByRole('alert')
  await expect.poll(() => alert.textContent()).toMatch(/changed this/)
  await expect
    .poll(() => records.pane.locator('.compare').textContent())
    .toMatch(/Theirs.*"theirs".*"mine"/)
  expect((await records.stored('score')).text).toBe('{"a":"theirs"}')
  await records.button('Keep mine').click()
  await expect.poll(async () => (await records.stored('score')).text).toBe('{"a":"mine"}')
  await records.button('Edit').waitFor()
  await retype(await records.edit(), '{"a":"mine again"}')
  await records.put('score', '{"a":"theirs again"}', json)
  await records.button('Save').click()
  await records.button('Take theirs').click()
  await expect.poll(() => records.value('Value as JSON').textContent()).toContain('theirs again')
  expect((await records.stored('score')).text).toBe('{"a":"theirs again"}')
})

it('merges: the right side is edited and saved over theirs', async () => {
  await records.put('m', 'a', 'text/plain')
  await records.open('m')
  await retype(await records.edit(), 'mine')
  await records.put('m', 'theirs', 'text/plain')
  await records.button('Save').click()
  await retype(records.pane.getByRole('textbox', { name: 'Mine' }), 'both')
  await records.button('Save merged').click()
  await expect.poll(async () => (await records.stored('m')).text).toBe('both')
})

it('deleted meanwhile: Put it back, or Discard', async () => {
  for (const [key, choice, status] of [
    ['back', 'Put it back', 200],
    ['gone', 'Discard', 404],
  ] as const) {
    await records.put(key, 'old', 'text/plain')
    await records.open(key)
    await retype(await records.edit(), 'typed')
    await records.delete(key)
    await records.button('Save').click()
    await expect.poll(() => records.pane.getByRole('alert').textContent()).toMatch(/deleted this/)
    await records.button(choice).click()
    await records.button(choice).waitFor({ state: 'detached' })
    expect((await records.stored(key)).status).toBe(status)
  }
  expect((await records.stored('back')).text).toBe('typed')
})

it('changed while it is read: a note, Compare, Show new', async () => {
  await records.put('live', 'first', 'text/plain')
  await records.open('live')
  await expect.poll(() => records.value('Value as text').textContent()).toBe('first')
  await records.put('live', 'second', 'text/plain')
  await expect
    .poll(() => records.pane.locator('.note').textContent(), { timeout: 10_000 })
    .toContain('Changed just now')
  expect(await records.value('Value as text').textContent()).toBe('first')
  await records.button('Compare').click()
  await expect.poll(() => records.pane.locator('.compare').textContent()).toContain('second')
  await records.button('Show new').click()
  await expect.poll(() => records.value('Value as text').textContent()).toBe('second')
})

it('Undo puts a deleted record back: bytes, type, encoding', async () => {
  const bytes = brotliCompressSync('{"a":1}')
  const type = 'application/json; charset=utf-8'
  await records.put('br', bytes, type, { 'Content-Encoding': 'br' })
  await records.open('br')
  await records.button('Delete').click()
  await expect.poll(() => shown.messages.textContent()).toContain('Deleted br.')
  expect((await records.stored('br')).status).toBe(404)
  await shown.messages.getByRole('button', { name: 'Undo' }).click()
  await expect.poll(async () => (await records.stored('br')).status).toBe(200)
  const { url, token } = visits.server
  const headers = { Authorization: `Bearer ${token}` }
  const raw = await fetch(`${url}${records.pathOf('br')}&stored=1`, { headers })
  expect(Buffer.from(await raw.arrayBuffer())).toEqual(bytes)
  expect(raw.headers.get('content-type')).toBe(type)
  expect(raw.headers.get('coatcheck-stored-encoding')).toBe('br')
})

it('n makes a record, and leaves one alone whose key is taken', async () => {
  await records.put('taken', 'old', 'text/plain')
  await records.open('taken')
  await shown.button('New record').waitFor()
  await shown.page.keyboard.press('n')
  const key = shown.dialog.getByRole('textbox', { name: 'Key' })
  await key.fill('taken')
  await retype(shown.dialog.getByRole('textbox', { name: 'Value' }), '[1]')
  await shown.dialog.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => shown.dialog.textContent()).toContain('There is a record of this key')
  await key.fill('a/new one')
  await shown.dialog.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => shown.page.url()).toContain('key=a%2Fnew+one')
  expect((await records.stored('a/new one')).text).toBe('[1]')
  expect((await records.stored('taken')).text).toBe('old')
})

it('a 401 in mid-edit keeps what was typed, and it is saved after another tab signs in', async () => {
  const { url, token } = visits.server
  const remote = new Remote(url)
  const made = await remote.do('/coatcheck/v1/tokens', {
    method: 'POST',
    token,
    json: { name: 'short', action: 'manage' },
  })
  await records.put('kept', 'old', 'text/plain')
  await shown.page.evaluate((short) => {
    sessionStorage.setItem('coatcheck-console-token', short)
  }, made.data.token)
  await shown.page.reload()
  await records.open('kept')
  await retype(await records.edit(), 'typed text')
  await remote.do(`/coatcheck/v1/tokens/${made.data.id}`, { method: 'DELETE', token })
  await records.button('Save').click()
  await expect.poll(() => shown.dialog.textContent()).toContain('Sign in again')
  expect(await records.pane.locator('.cm-content').textContent()).toBe('typed text')
  await shown.page.evaluate((token) => {
    new BroadcastChannel('coatcheck-console').postMessage({ kind: 'token', token })
  }, token)
  await expect.poll(() => shown.dialog.count()).toBe(0)
  await records.button('Save').click()
  await expect.poll(async () => (await records.stored('kept')).text).toBe('typed text')
})
