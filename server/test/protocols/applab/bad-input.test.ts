import { brotliCompressSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { sendRaw } from '../../support/network/raw-connection.ts'
import { type Answered, Remote } from '../../support/network/remote.ts'
import { useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

const json = { 'Content-Type': 'application/json' }
const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
const mebibyte = 1_048_576

describe('the input of pages', () => {
  const server = useTestServer()
  let project: ApplabProject
  let remote: Remote

  beforeAll(async () => {
    const owner = { url: server.url(), token: server.token() }
    project = await ApplabProject.create(owner)
    remote = new Remote(server.url())
    await project.set('k', 'there')
  })

  function post(body: string | Uint8Array, headers: Record<string, string>): Promise<Answered> {
    const path = `/datablock_storage/${project.channelId}/set_key_value`
    return remote.send(path, { method: 'POST', body, headers })
  }

  /** Seeds pairs as the owner. */
  function populate(body: string | Uint8Array, headers: Record<string, string>): Promise<Answered> {
    return project.asOwner('populate_key_values', { body, headers })
  }

  /** Sends a body without a Content-Length. */
  function sendChunked(body: string): Promise<string> {
    const path = `/datablock_storage/${project.channelId}/set_key_value`
    const headers = 'Host: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    return sendRaw(server.url(), [`POST ${path} HTTP/1.1\r\n${headers}`, chunk], 'stay')
  }

  function set(key: string, value: string): Promise<Answered> {
    return project.send('set_key_value', { parameters: { key, value } })
  }

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    ' ',
    'trailing ',
    'a/b',
    '..',
    '.',
    'a?b&c=d#e',
    '%2F',
    '%',
    '\u0000\n\t',
    '👁️👄👁️',
    '𝕏',
    'ключ',
    '\ufffd',
    'k'.repeat(700),
    '👁'.repeat(350),
    'ü'.repeat(700),
    '漢'.repeat(700),
  ])('may be the key %j, by JSON, form and query', async (key) => {
    for (const carrier of ['json', 'form', 'query'] as const) {
      const value = JSON.stringify(`by ${carrier}`)
      const parameters = { key, value }
      const reply = await project.send('set_key_value', { parameters, carrier })
      expect(JSON.parse(reply.text)).toEqual({ key, value: `by ${carrier}` })
      expect(await project.get(key)).toBe(`by ${carrier}`)
    }
    expect(Object.keys(await project.all())).toContain(key)
    const parameters = { key }
    const gone = await project.asOwner('delete_key_value', { parameters, carrier: 'query' })
    expect(gone.text).toBe('true')
    expect(await project.get(key)).toBe(null)
  })

  it.each<[what: string, json: string]>([
    ['nothing', '""'],
    ['zero', '0'],
    ['minus zero', '-0'],
    ['false', 'false'],
    ['an empty list', '[]'],
    ['an empty object', '{}'],
    ['nulls inside', '[1,null,{"a":null}]'],
    ['an integer beyond doubles', '18446744073709551615'],
    ['a number beyond doubles', '1e400'],
    ['members of names that all objects have', '{"__proto__":{"a":1},"constructor":2}'],
    ['members in their order', '{"zz":1,"a":2,"10":3}'],
    ['emoji', '"🎉"'],
    ['4,096 bytes', JSON.stringify('b'.repeat(4_094))],
  ])('may be the value %s, which is returned unchanged', async (_, text) => {
    expect((await set('value', text)).text).toBe(`{"key":"value","value":${text}}`)
    const read = await project.send('get_key_value', { parameters: { key: 'value' } })
    expect(read.text).toBe(text)
  })

  it.each<[what: string, key: string, value: string, type: string]>([
    ['plain text', 'k', 'text', 'VALUE_INVALID'],
    ['no value', 'k', '', 'VALUE_INVALID'],
    ['undefined', 'k', 'undefined', 'VALUE_INVALID'],
    ['NaN', 'k', 'NaN', 'VALUE_INVALID'],
    ['half JSON', 'k', '{"a":', 'VALUE_INVALID'],
    ['two values', 'k', '1 2', 'VALUE_INVALID'],
    ['half a character', 'k', '"\\ud83d"', 'VALUE_INVALID'],
    ['100,000 nested lists without an end', 'k', '['.repeat(100_000), 'VALUE_INVALID'],
    ['50,000 nested lists', 'k', '['.repeat(5e4) + ']'.repeat(5e4), 'VALUE_INVALID'],
    ['100,000 nested lists', 'k', '['.repeat(1e5) + ']'.repeat(1e5), 'MAX_VALUE_LENGTH_EXCEEDED'],
    ['4,097 bytes', 'k', JSON.stringify('b'.repeat(4_095)), 'MAX_VALUE_LENGTH_EXCEEDED'],
    ['a megabyte', 'k', JSON.stringify('b'.repeat(mebibyte)), 'MAX_VALUE_LENGTH_EXCEEDED'],
    ['a key of 701 characters', 'k'.repeat(701), '1', 'KEY_INVALID'],
    ['a key of 100,000 characters', 'k'.repeat(100_000), '1', 'KEY_INVALID'],
    ['a key of a megabyte', 'k'.repeat(mebibyte), '1', 'MAX_VALUE_LENGTH_EXCEEDED'],
  ])('may not be %s: nothing changes', async (_, key, value, type) => {
    const before = await project.all()
    expect(refusalOf(await set(key, value))).toEqual({ status: 400, type })
    expect(await project.all()).toEqual(before)
  })

  it("reports limits in code.org's words", async () => {
    expect(JSON.parse((await set('k'.repeat(701), '1')).text)).toEqual({
      msg: "The key is too large, it must be shorter than 700 bytes ('characters')",
      type: 'KEY_INVALID',
    })
    expect(JSON.parse((await set('k', JSON.stringify('b'.repeat(4_097)))).text)).toEqual({
      msg: "The value is too large, it must be shorter than 4096 bytes ('characters')",
      type: 'MAX_VALUE_LENGTH_EXCEEDED',
    })
    const message = 'Value must be specified'
    const reply = await project.send('set_key_value', { parameters: { key: 'k' } })
    expect(JSON.parse(reply.text)).toEqual({ msg: message, type: message })
  })

  // "The key is not valid Unicode text": the words for keys are the words for values too.
  it.each<[what: string, action: string, body: string, msg: string]>([
    ['key', 'set_key_value', '{"key":"Hi \\ud83d","value":"1"}', 'The key'],
    ['value', 'set_key_value', '{"key":"k","value":"\\"Hi \\\\ud83d\\""}', 'The value'],
    ['value, raw', 'set_key_value', '{"key":"k","value":"\\"Hi \\ud83d\\""}', 'The value'],
    ['value, inside', 'set_key_value', '{"key":"k","value":"[{\\"\\\\ude00\\":1}]"}', 'The value'],
    [
      'seed',
      'populate_key_values',
      '{"key_values_json":"{\\"a\\":\\"\\\\ud83d\\"}"}',
      'key_values_json',
    ],
  ])(
    'says in the same words that half a character is no text: %s',
    async (_, action, body, what) => {
      const reply = await project.asOwner(action, { body, headers: json })
      expect(reply.status).toBe(400)
      expect(JSON.parse(reply.text).msg).toBe(`${what} is not valid Unicode text`)
      expect(await project.get('k')).toBe('there')
    },
  )

  // Decoders of URLs put U+FFFD in place of what is not UTF-8, which is the key of another pair.
  it('does not take bytes that are not UTF-8 for another key or value', async () => {
    await project.set('\ufffd', 'of another key')
    const path = `/datablock_storage/${project.channelId}`
    const keyInvalid = { status: 400, type: 'KEY_INVALID' }
    for (const key of ['%ED%A0%BD', '%FF', '%C3', '%F0%9F%98']) {
      expect(refusalOf(await remote.send(`${path}/get_key_value?key=${key}`))).toEqual(keyInvalid)
      const set = await remote.send(`${path}/set_key_value?key=${key}&value=1`, { method: 'POST' })
      expect(refusalOf(set)).toEqual(keyInvalid)
      expect(refusalOf(await post(`key=${key}&value=1`, form))).toEqual(keyInvalid)
    }
    const value = await post('key=k&value=%22%FF%22', form)
    expect(refusalOf(value)).toEqual({ status: 400, type: 'VALUE_INVALID' })
    expect(await project.get('\ufffd')).toBe('of another key')
    expect(await project.get('k')).toBe('there')
    expect((await remote.send(`${path}/get_key_value?key=%EF%BF%BD&x=100%`)).text).toBe(
      '"of another key"',
    )
  })

  it.each<[what: string, body: string, type: string]>([
    ['nothing', '', 'KEY_INVALID'],
    ['a form', 'key=k', 'INVALID_REQUEST'],
    ['a list', '["k"]', 'INVALID_REQUEST'],
    ['null', 'null', 'INVALID_REQUEST'],
    ['half JSON', '{"key":"k","value":', 'INVALID_REQUEST'],
    ['a key with half a character', '{"key":"\\ud83d","value":"1"}', 'KEY_INVALID'],
    ['a value with half a character', '{"key":"k","value":"\\"\\ud83d\\""}', 'VALUE_INVALID'],
    ['30,000 nested objects', '{"a":'.repeat(30_000), 'INVALID_REQUEST'],
    ['100,000 nested objects', '{"a":'.repeat(1e5), 'MAX_VALUE_LENGTH_EXCEEDED'],
    ['no key', '{"value":"1"}', 'KEY_INVALID'],
    ['null for a key', '{"key":null,"value":"1"}', 'KEY_INVALID'],
    ['a list for a key', '{"key":["k"],"value":"1"}', 'KEY_INVALID'],
    ['an object for a key', '{"key":{"k":1},"value":"1"}', 'KEY_INVALID'],
    ['null for a value', '{"key":"k","value":null}', 'Value must be specified'],
    ['a number for a value', '{"key":"k","value":1}', 'VALUE_INVALID'],
    ['a list for a value', '{"key":"k","value":[1]}', 'VALUE_INVALID'],
    ['an inherited key', '{"__proto__":{"key":"k","value":"1"}}', 'KEY_INVALID'],
  ])('may not be a body of %s', async (_, body, type) => {
    expect(refusalOf(await post(body, json))).toEqual({ status: 400, type })
    expect(await project.get('k')).toBe('there')
  })

  it('accepts a number or boolean as key, as in a query', async () => {
    expect((await post('{"key":5,"value":"1"}', json)).text).toBe('{"key":"5","value":1}')
    expect(await project.get('5')).toBe(1)
  })

  it('accepts JSON with other content types, which pages send without a preflight request', async () => {
    for (const type of ['text/plain;charset=UTF-8', 'application/octet-stream']) {
      const reply = await post('{"key":"plain","value":"1"}', { 'Content-Type': type })
      expect(reply.status).toBe(200)
    }
  })

  it('refuses multipart bodies, invalid UTF-8, and huge forms', async () => {
    const parts = await post('--x--', { 'Content-Type': 'multipart/form-data; boundary=x' })
    expect(refusalOf(parts)).toEqual({ status: 415, type: 'INVALID_REQUEST' })
    const invalid = { status: 400, type: 'INVALID_REQUEST' }
    expect(refusalOf(await post(Buffer.from([0x7b, 0xff, 0x7d]), json))).toEqual(invalid)
    expect(refusalOf(await populate('a=1&'.repeat(2_000_000), form))).toEqual(invalid)
    expect(refusalOf(await post('a=1&'.repeat(30_000), form))).toEqual(invalid)
    const wide = `{"key_values_json":"{}"${',"a":1'.repeat(1_000_000)}}`
    expect((await populate(wide, json)).status).toBe(200)
  })

  it('limits a body to the longest spelling of one value', async () => {
    const tooLarge = { status: 400, type: 'MAX_VALUE_LENGTH_EXCEEDED' }
    const wide = (members: number): string => `{"key":"k","value":"1"${',"a":1'.repeat(members)}}`
    expect((await post(wide(20_000), json)).status).toBe(200)
    await project.set('k', 'there')
    expect(refusalOf(await post(wide(700_000), json))).toEqual(tooLarge)
    expect(await sendChunked(wide(700_000))).toContain('MAX_VALUE_LENGTH_EXCEEDED')
    const packed = await post(gzipSync(wide(700_000)), { ...json, 'Content-Encoding': 'gzip' })
    expect(refusalOf(packed)).toEqual(tooLarge)
    expect(JSON.parse(packed.text).msg).toBe(
      "The value is too large, it must be shorter than 4096 bytes ('characters')",
    )
    const body = `{"key":"k"${',"a":1'.repeat(700_000)}}`
    const deleted = await project.asOwner('delete_key_value', { body, headers: json })
    expect(refusalOf(deleted)).toEqual({ status: 413, type: 'REQUEST_TOO_LARGE' })
    expect(await project.get('k')).toBe('there')
  })

  it('accepts the longest key and value in their longest spelling', async () => {
    const key = 'k'.repeat(700)
    const value = JSON.stringify('a'.repeat(4_094))
    const escaped = (text: string): string =>
      text.replaceAll(/./g, (unit) => `\\u00${unit.charCodeAt(0).toString(16)}`)
    const inner = `"${escaped('a'.repeat(4_094))}"`
    const percent = (text: string): string =>
      `%${Buffer.from(text).toString('hex').match(/../g)?.join('%')}`
    const bodies: [body: string, type: Record<string, string>][] = [
      [JSON.stringify({ key, value: inner }), json],
      [`{"key":"${escaped(key)}","value":"${escaped(inner)}"}`, json],
      [`key=${percent(key)}&value=${percent(inner)}`, form],
      [`key=${percent('漢'.repeat(700))}&value=${percent(inner)}`, form],
    ]
    for (const [body, type] of bodies) expect((await post(body, type)).status).toBe(200)
    expect(await project.get(key)).toBe(JSON.parse(value))
    const longer = `"${escaped('a'.repeat(4_095))}"`
    const refused = await post(`{"key":"k","value":"${escaped(longer)}"}`, json)
    expect(refusalOf(refused)).toEqual({ status: 400, type: 'MAX_VALUE_LENGTH_EXCEEDED' })
    for (const name of [key, '漢'.repeat(700)]) await project.set(name, null)
  })

  it('refuses 10 MB, compressed or not', async () => {
    const large = { status: 413, type: 'REQUEST_TOO_LARGE' }
    const body = `{"key":"k","value":${JSON.stringify('b'.repeat(10 * mebibyte))}}`
    const zipped = { ...json, 'Content-Encoding': 'gzip' }
    expect(refusalOf(await populate(body, json))).toEqual(large)
    expect(refusalOf(await populate(gzipSync(body), zipped))).toEqual(large)
    const tooLarge = { status: 400, type: 'MAX_VALUE_LENGTH_EXCEEDED' }
    expect(refusalOf(await post(body, json))).toEqual(tooLarge)
    expect(refusalOf(await post(gzipSync(body), zipped))).toEqual(tooLarge)
    const small = brotliCompressSync('{"key":"packed","value":"1"}')
    expect((await post(small, { ...json, 'Content-Encoding': 'br' })).status).toBe(200)
    const wrong = await post('{}', { ...json, 'Content-Encoding': 'gzip' })
    expect(wrong.status).toBe(400)
    expect(await project.get('k')).toBe('there')
  })

  it('has no other routes and methods', async () => {
    const path = `/datablock_storage/${project.channelId}`
    for (const wrong of ['', '/', '/create_record', '/set_key_value/', '/__proto__', '/a/b']) {
      const reply = await remote.send(path + wrong)
      expect(refusalOf(reply), wrong).toEqual({ status: 404, type: 'NOT_FOUND' })
    }
    const get = await remote.send(`${path}/set_key_value`)
    expect(refusalOf(get)).toEqual({ status: 405, type: 'METHOD_NOT_ALLOWED' })
    expect(get.headers.get('allow')).toBe('OPTIONS,POST')
  })

  it('is never logged as an error of the server', () => {
    expect(server.logged()).toEqual([])
  })
})

describe('a value that another door stored', () => {
  const server = useTestServer()
  let project: ApplabProject

  beforeAll(async () => {
    project = await ApplabProject.create({ url: server.url(), token: server.token() })
  })

  async function put(key: string, body: string | Uint8Array, headers: object): Promise<Answered> {
    const path = `/v2/key-value-stores/${project.storeId}/record?key=${encodeURIComponent(key)}`
    const remote = new Remote(server.url())
    const asked = { method: 'PUT', token: server.token(), body, headers: { ...headers } }
    expect((await remote.send(path, asked)).status).toBe(201)
    return project.send('get_key_value', { parameters: { key } })
  }

  it('is a string if it is text, and refused if it is neither text nor JSON', async () => {
    const text = { 'Content-Type': 'text/plain; charset=utf-8' }
    expect((await put('text', 'Žluťoučký\n', text)).text).toBe('"Žluťoučký\\n"')
    const png = await put('png', Buffer.from([0x89]), { 'Content-Type': 'image/png' })
    expect(refusalOf(png)).toEqual({ status: 400, type: 'VALUE_NOT_JSON' })
    const broken = await put('broken', '1,"admin":true', json)
    expect(refusalOf(broken)).toEqual({ status: 400, type: 'VALUE_NOT_JSON' })
    const unpacked = await put('br', brotliCompressSync('[1]'), {
      ...json,
      'Content-Encoding': 'br',
    })
    expect(unpacked.text).toBe('[1]')
    const notPacked = await put('no-br', 'x', { ...json, 'Content-Encoding': 'br' })
    expect(refusalOf(notPacked)).toEqual({ status: 422, type: 'VALUE_NOT_JSON' })
    expect(await project.all()).toEqual({ text: 'Žluťoučký\n', br: [1] })
    expect((await project.asOwner('project_has_data')).text).toBe('true')
  })

  it('can be read by pages up to a megabyte, and with a token also beyond', async () => {
    const large = JSON.stringify('x'.repeat(mebibyte - 2))
    expect((await put('large', large, json)).text).toBe(large)
    const larger = JSON.stringify('x'.repeat(mebibyte))
    const refused = refusalOf(await put('larger', larger, json))
    expect(refused).toEqual({ status: 413, type: 'VALUE_TOO_LARGE' })
    const owned = await project.asOwner('get_key_value', { parameters: { key: 'larger' } })
    expect([owned.status, owned.text === larger]).toEqual([200, true])
  })

  it('cannot be read if its key is too long for pages', async () => {
    const key = 'k'.repeat(701)
    const reply = await put(key, '1', json)
    expect(refusalOf(reply)).toEqual({ status: 400, type: 'KEY_INVALID' })
    expect((await project.all())[key]).toBe(1)
  })
})
