import { WebSocket } from 'ws'
import type { Attack, Target } from './attack.ts'

const kilobyte = 1_000
const largeBytes = 900 * kilobyte
const largeCount = 10
const pipelined = 600
const longKeys = 63_000
const longKeyBytes = 2_300
const idleKeys = 1_000_000
const quickIdleKeys = 20_000
const keysPerCommand = 10_000
const longKeysPerCommand = 400
const searchedCount = 12

/** A session of NemesisDB, and the connection that made it. */
class Session {
  readonly #socket: WebSocket
  #token = ''

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  static async open(target: Target): Promise<Session> {
    const session = new Session(await connected(target))
    const answer = await session.ask('{"SH_NEW":{"name":"hostile"}}')
    session.#token = /"tkn":(\d+)/.exec(answer)?.[1] ?? ''
    return session
  }

  command(name: string, members = ''): string {
    return `{"${name}":{"tkn":${this.#token}${members && `,${members}`}}}`
  }

  async set(values: Readonly<Record<string, unknown>>): Promise<void> {
    await this.ask(this.command('KV_SET', `"keys":${JSON.stringify(values)}`))
  }

  async ask(message: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const closed = (code: number): void => reject(new Error(`The socket was closed: ${code}.`))
    this.#socket.once('message', (data) => resolve(String(data)))
    this.#socket.once('close', closed)
    this.#socket.send(message)
    return promise.finally(() => this.#socket.off('close', closed))
  }
}

async function connected({ port }: Target): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/nemesis`)
  socket.setMaxListeners(0)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('open', resolve)
  socket.once('error', reject)
  await promise
  return socket
}

/** Sends many commands at once on several connections, and again as soon as they are answered. */
async function flooding(
  target: Target,
  { message, connections }: { message: string; connections: number },
): Promise<() => void> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => connected(target)))
  return () => {
    for (const socket of sockets) {
      socket.on('message', () => socket.send(message))
      socket.on('error', () => undefined)
      for (let count = 0; count < pipelined; count += 1) socket.send(message)
    }
  }
}

export const socketAttacks: Readonly<Record<string, Attack>> = {
  answers: {
    what: `${pipelined} KV_GETs of 9 MB at once`,
    prepare: async (target) => {
      const session = await Session.open(target)
      const names = Array.from({ length: largeCount }, (_, index) => `large-${index}`)
      for (const name of names) await session.set({ [name]: 'x'.repeat(largeBytes) })
      const message = session.command('KV_GET', `"keys":${JSON.stringify(names)}`)
      return flooding(target, { message, connections: 1 })
    },
  },
  patterns: {
    what: 'KV_FINDs with the largest patterns',
    prepare: async (target) => {
      const session = await Session.open(target)
      const texts = Array.from({ length: searchedCount }, (_, index) => [
        `text-${index}`,
        Array(100).fill('ab'.repeat(1_000)),
      ])
      // All together are larger than a message may be.
      for (const text of texts) await session.set(Object.fromEntries([text]))
      const path = "$..[?match(@,'(a|b|ab){300}c')]"
      const message = session.command('KV_FIND', `"path":"${path}","rsp":"keys"`)
      return flooding(target, { message, connections: 4 })
    },
  },
  'long-keys': {
    what: 'KV_KEYS of 63,000 keys of 2.3 KB, 8 connections',
    prepare: async (target) => {
      const session = await Session.open(target)
      const count = target.isQuick ? longKeys / 10 : longKeys
      await fill(session, { count, perCommand: longKeysPerCommand, keyBytes: longKeyBytes })
      return flooding(target, { message: session.command('KV_KEYS'), connections: 8 })
    },
  },
  'idle-keys': {
    what: 'KV_KEYS of a million keys, 8 connections',
    prepare: async (target) => {
      const session = await Session.open(target)
      const count = target.isQuick ? quickIdleKeys : idleKeys
      await fill(session, { count, perCommand: keysPerCommand, keyBytes: 0 })
      return flooding(target, { message: session.command('KV_KEYS'), connections: 8 })
    },
  },
}

async function fill(
  session: Session,
  { count, perCommand, keyBytes }: { count: number; perCommand: number; keyBytes: number },
): Promise<void> {
  for (let first = 0; first < count; first += perCommand) {
    const keys = Array.from({ length: Math.min(perCommand, count - first) }, (_, index) => [
      `${first + index}`.padStart(keyBytes, 'k'),
      1,
    ])
    await session.set(Object.fromEntries(keys))
  }
}
