import { token } from './server-process.ts'

/** A record as the rows write it. */
export interface SampleRecord {
  readonly key: string
  readonly value: string
}

/** `count` records of JSON, exactly `bytes` long each. */
export function sampleRecords(count: number, bytes: number): SampleRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const key = `record-${String(index).padStart(7, '0')}`
    return { key, value: jsonOf(key, bytes) }
  })
}

/** The path of a store's records. The bare server takes any path. */
export function recordsPath(storeId: string): string {
  return `/v2/key-value-stores/${storeId}/records`
}

/** Has only the headers that the servers need, so that the servers themselves are compared. */
export function getRequest(
  path: string,
  {
    method = 'GET',
    acceptEncoding = '',
  }: { method?: 'GET' | 'HEAD'; acceptEncoding?: string } = {},
): Buffer {
  const own = acceptEncoding && `Accept-Encoding: ${acceptEncoding}\r\n`
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers}${own}\r\n`)
}

export function putRequest(path: string, json: string): Buffer {
  const length = Buffer.byteLength(json)
  const own = `Content-Type: application/json\r\nContent-Length: ${length}\r\n`
  return Buffer.from(`PUT ${path} HTTP/1.1\r\n${headers}${own}\r\n${json}`)
}

/** A PATCH with one of Coatcheck's own updates. */
export function patchRequest(path: string, update: string): Buffer {
  const type = 'Content-Type: application/vnd.coatcheck.update+json\r\n'
  const own = `${type}Content-Length: ${Buffer.byteLength(update)}\r\n`
  return Buffer.from(`PATCH ${path} HTTP/1.1\r\n${headers}${own}\r\n${update}`)
}

/** A PUT of bytes without an encoding, or of JSON with one. */
export function putBytesRequest(path: string, bytes: Uint8Array, contentEncoding = ''): Buffer {
  const type = contentEncoding ? 'application/json' : 'application/octet-stream'
  const encoding = contentEncoding && `Content-Encoding: ${contentEncoding}\r\n`
  const own = `Content-Type: ${type}\r\n${encoding}Content-Length: ${bytes.length}\r\n`
  return Buffer.concat([Buffer.from(`PUT ${path} HTTP/1.1\r\n${headers}${own}\r\n`), bytes])
}

/** Makes a named store and returns its id. */
export async function createStore(port: number, name: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/v2/key-value-stores?name=${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`No store: ${response.status} ${text}`)
  const { data }: { data: { id: string } } = JSON.parse(text)
  return data.id
}

/** Lets anyone read a store: its listings carry no signed links then. */
export async function openToAll(port: number, storeId: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/v2/key-value-stores/${storeId}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"generalAccess":"ANYONE_WITH_ID_CAN_READ"}',
  })
  if (!response.ok) throw new Error(`Not open: ${response.status} ${await response.text()}`)
}

const headers = `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n`
const words = ['cloak', 'hat', 'umbrella', 'ticket', 'hook', 'scarf', 'gloves', 'counter']

function jsonOf(key: string, bytes: number): string {
  const frame = JSON.stringify({ key, text: '' })
  const missing = bytes - Buffer.byteLength(frame)
  let text = ''
  for (let index = key.length + bytes; text.length < missing; index = (index * 31 + 7) % 1_009) {
    text += `${words[index % words.length]} ${index} `
  }
  return JSON.stringify({ key, text: text.slice(0, Math.max(0, missing)) })
}
