import { brotliCompressSync, gzipSync } from 'node:zlib'
import { beforeEach, expect, it } from 'vitest'
import { Remote } from '../support/network/remote.ts'
import type { ConsolePage } from '../support/pages/console-page.ts'
import { useConsoleVisits } from '../support/pages/console-visits.ts'
import { RecordPage } from '../support/pages/record-page.ts'

const visits = useConsoleVisits()
let shown: ConsolePage
let records: RecordPage

beforeEach(async () => {
  shown = await visits.open()
  records = await RecordPage.make(visits.server, shown)
})

// A red dot of one pixel.
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
)

it('shows JSON with every digit, folds it, finds in it and names the path of a line', async () => {
  const json = '{"offerId":9007199254740993,"sizes":["S","M",{"odd key":1.50}]}'
  await records.put('runs/OUTPUT', json, 'application/json')
  await records.open('runs/OUTPUT')
  const value = records.value('Value as JSON')
  await expect.poll(() => value.textContent()).toContain('9007199254740993')
  expect(await value.textContent()).toContain('1.50')
  await records.button('Fold line 3').click()
  await expect.poll(() => value.textContent()).toContain('3 items')
  expect(await value.textContent()).not.toContain('odd key')
  await records.button('Find').click()
  await shown.page.getByRole('textbox', { name: 'Find in the value' }).fill('ODD')
  await shown.page.keyboard.press('Enter')
  await expect
    .poll(() => records.pane.locator('.path-bar').textContent())
    .toContain('$.sizes[2]["odd key"]')
  await expect.poll(() => value.textContent()).toContain('odd key')
})

it('draws only the seen part of a list of 200,000 items', async () => {
  const items = Array.from({ length: 200_000 }, (_, at) => at)
  await records.put('long', JSON.stringify(items), 'application/json')
  await records.open('long')
  const value = records.value('Value as JSON')
  await expect.poll(() => value.locator('.line').count()).toBeGreaterThan(10)
  expect(await value.locator('.line').count()).toBeLessThan(90)
  await value.focus()
  await shown.page.keyboard.press('End')
  await expect.poll(() => value.textContent()).toContain('199999')
})

it('shows each type: text, Markdown, CSV, image, document, sound, film, bytes', async () => {
  await records.put('text', 'one\ntwo', 'text/plain')
  await records.put(
    'md',
    '# Title\n\n**bold** <b id="x">raw</b> ![pic](http://x.example/a.png)',
    'text/markdown',
  )
  await records.put('csv', 'name,price\n"Coat, green",189\n', 'text/csv')
  await records.put('png', png, 'image/png')
  await records.put('pdf', '%PDF-1.4', 'application/pdf')
  await records.put('wav', wav(), 'audio/wav')
  await records.put('bin', Uint8Array.of(0, 255, 65, 66), 'application/octet-stream')
  await records.open('text')
  await expect.poll(() => records.value('Value as text').textContent()).toBe('one\ntwo')
  await records.open('md')
  const prose = records.value('Value as Markdown')
  await expect.poll(() => prose.getByRole('heading').textContent()).toBe('Title')
  expect(await prose.locator('#x, img').count()).toBe(0)
  expect(await prose.textContent()).toContain('<b id="x">raw</b>')
  await records.open('csv')
  await expect.poll(() => records.value(/Value as a table/).textContent()).toContain('Coat, green')
  await records.open('png')
  const image = records.pane.getByRole('img')
  await expect.poll(() => image.evaluate((one) => Reflect.get(one, 'naturalWidth'))).toBe(1)
  await records.open('pdf')
  await expect.poll(() => records.pane.locator('iframe').getAttribute('src')).toMatch(/^blob:/)
  await records.open('wav')
  const sound = records.pane.locator('audio')
  await expect.poll(() => sound.evaluate((one) => Reflect.get(one, 'duration'))).toBeGreaterThan(0)
  await records.open('bin')
  await expect
    .poll(() => records.value('Bytes of the value').textContent())
    .toContain('00 ff 41 42')
})

it('runs nothing of HTML, of SVG, and of keys: their source is shown', async () => {
  const evil = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'
  await records.put(evil, evil, 'text/html')
  await records.put('svg', `<svg xmlns="http://www.w3.org/2000/svg">${evil}</svg>`, 'image/svg+xml')
  await records.put('md', `${evil}\n\n[a](javascript:window.ran=1)`, 'text/markdown')
  await records.put('json', JSON.stringify({ [evil]: evil }), 'application/json')
  for (const [key, name] of [
    [evil, 'Value as text'],
    ['svg', 'Value as text'],
    ['md', 'Value as Markdown'],
    ['json', 'Value as JSON'],
  ] as const) {
    await records.open(key)
    await expect.poll(() => records.value(name).textContent()).toContain('<script>')
    expect(await records.pane.locator('img, svg:not(.icon), script').count()).toBe(0)
  }
  await records.open(evil)
  expect(await records.pane.getByRole('heading').textContent()).toContain(evil)
  expect(await shown.page.evaluate(() => Reflect.get(globalThis, 'ran'))).toBeUndefined()
})

it('shows 5 MB of brotli decoded, and of more the first megabyte', async () => {
  const json = JSON.stringify({ text: 'x'.repeat(4_900_000), last: 1 })
  await records.put('br', brotliCompressSync(json), 'application/json', {
    'Content-Encoding': 'br',
  })
  await records.put('gz', gzipSync('hello'), 'text/plain', { 'Content-Encoding': 'gzip' })
  await records.put('long', 'y'.repeat(6_000_000), 'text/plain')
  await records.open('br')
  await expect.poll(() => records.value('Value as JSON').textContent()).toContain('"last": 1')
  await records.open('gz')
  await expect.poll(() => records.value('Value as text').textContent()).toBe('hello')
  await records.open('long')
  await expect.poll(() => records.pane.textContent()).toContain('the first 1.0 MB of 6.0 MB')
})

it('Raw shows the stored bytes and the headers, also of what can not be decoded', async () => {
  await records.put('gz', gzipSync('hello'), 'text/plain', { 'Content-Encoding': 'gzip' })
  await records.put('broken', 'no gzip', 'text/plain', { 'Content-Encoding': 'gzip' })
  await records.open('gz', '&tab=raw')
  await expect.poll(() => records.pane.textContent()).toContain('coatcheck-stored-encodinggzip')
  await expect.poll(() => records.value('Bytes of the value').textContent()).toContain('1f 8b')
  await records.open('broken')
  await expect.poll(() => records.pane.getByRole('alert').textContent()).toMatch(/decod|gzip/i)
  await records.open('broken', '&tab=raw')
  await expect.poll(() => records.value('Value as text').textContent()).toBe('no gzip')
})

it('opens every kind of key, and keeps it in the address', async () => {
  const keys = ['', '..', 'a/b', 'é🧥/ %2F?#&']
  for (const key of keys) await records.put(key, `at ${key}`, 'text/plain')
  for (const key of keys) {
    await records.open(key)
    await expect.poll(() => records.value('Value as text').textContent()).toBe(`at ${key}`)
  }
  await shown.page.reload()
  await expect.poll(() => records.value('Value as text').textContent()).toBe(`at ${keys.at(-1)}`)
})

it('Copy link gives a link that opens for strangers', async () => {
  await records.put('a/b', 'for all', 'text/plain')
  await records.open('a/b')
  await shown.page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await records.button('Copy link').click()
  await expect.poll(() => shown.messages.textContent()).toContain('The link is copied')
  const link = await shown.page.evaluate<string>('navigator.clipboard.readText()')
  const { pathname, search, origin } = new URL(link)
  const answer = await new Remote(origin).send(pathname + search)
  expect([answer.status, answer.text]).toEqual([200, 'for all'])
})

it('fits a phone without scrolling sideways', async () => {
  await records.put(
    'runs/2026-11-30/OUTPUT-with-a-long-name.json',
    '{"a":[1,2]}',
    'application/json',
  )
  await shown.page.setViewportSize({ width: 390, height: 800 })
  await records.open('runs/2026-11-30/OUTPUT-with-a-long-name.json')
  await expect.poll(() => records.value('Value as JSON').textContent()).toContain('"a"')
  const width = await shown.page.evaluate('document.documentElement.scrollWidth')
  expect(width).toBe(390)
})

/** A tenth of a second of silence. */
function wav(): Buffer {
  const samples = 800
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + samples, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(8_000, 24)
  head.writeUInt32LE(8_000, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(samples, 40)
  return Buffer.concat([head, Buffer.alloc(samples, 128)])
}
