import { type Call, type Client, type Reply, unexpected } from '../network/client.ts'
import type { SocketClient } from '../network/socket-client.ts'
import { History } from './history.ts'
import type { Random } from './random.ts'
import { readStamp, stampValue } from './stamped-value.ts'

/** A write was refused because the storage cannot serve, or it was never answered. */
export class Unacknowledged extends Error {}

/** Writes through one server, one write after the other. */
export interface FailoverWriter {
  /** Does one write. Throws Unacknowledged; any other error is a defect. */
  step(): Promise<void>
  /** Compares stored data with acknowledged writes. Call it when nobody writes any more. */
  problems(): Promise<string[]>
  close(): void
}

interface WriterParts {
  readonly client: Client
  readonly random: Random
  /** The start of its keys: no other writer uses it. */
  readonly name: string
}

const recentKeysMax = 50
const askedAtOnce = 8
const tokensMax = 20
/** NemesisDB's status for an unknown error. */
const unknownStatus = 1_000

/** Sends a call. Throws Unacknowledged for status 503 and without a reply. */
async function send(client: Client, call: Call): Promise<Reply> {
  const reply = await client.send(call).catch((error) => {
    throw new Unacknowledged(`${call.method} ${call.path} was not answered.`, { cause: error })
  })
  if (reply.status === 503) throw new Unacknowledged(reply.body.toString())
  return reply
}

/** Puts, overwrites and deletes records at the Apify door. */
export class RecordWriter implements FailoverWriter {
  readonly #parts: WriterParts
  readonly #path: string
  readonly #histories = new Map<string, History>()
  readonly #recent: string[] = []

  constructor(parts: WriterParts, { storeId }: { storeId: string }) {
    this.#parts = parts
    this.#path = `/v2/key-value-stores/${storeId}/records/`
  }

  async step(): Promise<void> {
    const { random, name } = this.#parts
    const what = random.weighted([
      ['fresh', 70],
      ['overwrite', 20],
      ['delete', 10],
    ] as const)
    const isFresh = what === 'fresh' || this.#recent.length === 0
    const key = isFresh ? `${name}-${this.#histories.size}` : random.pick(this.#recent)
    if (isFresh) this.#remember(key)
    await (what === 'delete' ? this.#delete(key) : this.#put(key))
  }

  async problems(): Promise<string[]> {
    const left = this.#histories.keys()
    const problems: string[] = []
    const ask = async (): Promise<void> => {
      for (const key of left) problems.push(...(await this.#problemsOf(key)))
    }
    await Promise.all(Array.from({ length: askedAtOnce }, ask))
    return problems
  }

  close(): void {}

  #remember(key: string): void {
    this.#histories.set(key, new History())
    this.#recent.push(key)
    if (this.#recent.length > recentKeysMax) this.#recent.shift()
  }

  async #put(key: string): Promise<void> {
    const history = this.#historyOf(key)
    const write = history.beginPut()
    const body = stampValue({ key, number: write.number }, this.#pickSize())
    await this.#write(history, write, { method: 'PUT', path: this.#path + key, body })
  }

  async #delete(key: string): Promise<void> {
    const history = this.#historyOf(key)
    await this.#write(history, history.beginDelete(), { method: 'DELETE', path: this.#path + key })
  }

  async #write(
    history: History,
    write: ReturnType<History['beginDelete']>,
    call: Call,
  ): Promise<void> {
    try {
      const reply = await send(this.#parts.client, call)
      if (reply.status !== 201 && reply.status !== 204) throw unexpected(call.path, reply)
      history.acknowledge(write)
    } catch (error) {
      history.giveUp(write)
      throw error
    }
  }

  #pickSize(): number {
    const { random } = this.#parts
    const [least, most] = random.weighted([
      [[8, 2_000], 80],
      [[2_049, 20_000], 19],
      [[1_048_576, 2_200_000], 1],
    ] as const)
    return random.between(least, most)
  }

  async #problemsOf(key: string): Promise<string[]> {
    const { status, body } = await send(this.#parts.client, {
      method: 'GET',
      path: this.#path + key,
    })
    if (status !== 200 && status !== 404) return [`odd: ${key} is a ${status}`]
    const number = status === 404 ? undefined : readStamp(key, body)
    if (status === 200 && number === undefined) return [`torn: ${key}, ${body.length} bytes`]
    const history = this.#historyOf(key)
    if (history.allows(number)) return []
    return [`lost: ${key} is ${number ?? 'none'}, not ${history.describe()}`]
  }

  #historyOf(key: string): History {
    const history = this.#histories.get(key)
    if (!history) throw new Error('This key has no history.')
    return history
  }
}

/** Sets several values at once in a session of NemesisDB's protocol. */
export class SessionWriter implements FailoverWriter {
  readonly #open: () => Promise<SocketClient>
  readonly #token: number
  readonly #name: string
  readonly #random: Random
  /** For each batch number, whether the batch was acknowledged. */
  readonly #batches: boolean[] = []
  #socket: SocketClient | undefined

  constructor(
    { random, name }: Omit<WriterParts, 'client'>,
    session: { open: () => Promise<SocketClient>; token: number },
  ) {
    this.#random = random
    this.#name = name
    this.#open = session.open
    this.#token = session.token
  }

  async step(): Promise<void> {
    const number = this.#batches.push(false) - 1
    const size = this.#random.between(0, 300)
    const keys = Object.fromEntries(
      this.#keysOf(number).map((key) => [key, { number, text: `${number} `.repeat(size) }]),
    )
    const body = await this.#ask('KV_SET', keys)
    if (body.st === unknownStatus) throw new Unacknowledged('KV_SET is not known to be done.')
    if (!('keys' in body)) throw new Error(`KV_SET was answered with ${JSON.stringify(body)}`)
    this.#batches[number] = true
  }

  async problems(): Promise<string[]> {
    const problems: string[] = []
    for (const [number, isAcknowledged] of this.#batches.entries()) {
      const { keys } = await this.#ask('KV_GET', this.#keysOf(number))
      const found = Object.values(Object(keys))
      const whole = found.filter((value) => isWhole(value, number)).length
      if (whole === found.length) continue
      const isNone = found.every((value) => value === null)
      if (!isNone) problems.push(`torn: batch ${this.#name} ${number}`)
      else if (isAcknowledged) problems.push(`lost: batch ${this.#name} ${number}`)
    }
    return problems
  }

  close(): void {
    this.#socket?.close()
  }

  #keysOf(number: number): string[] {
    return ['a', 'b', 'c'].map((part) => `${this.#name}-${number}-${part}`)
  }

  async #ask(name: string, keys: object): Promise<Record<string, unknown>> {
    try {
      this.#socket ??= await this.#open()
      return await this.#socket.command(name, { tkn: this.#token, keys })
    } catch (error) {
      this.#socket = undefined
      throw new Unacknowledged('The connection ended.', { cause: error })
    }
  }
}

function isWhole(value: unknown, number: number): boolean {
  if (typeof value !== 'object' || value === null || !('text' in value)) return false
  const text = String(value.text)
  return text === `${number} `.repeat(text.length / `${number} `.length)
}

/** Makes and revokes API tokens: Coatcheck's own API. */
export class TokenWriter implements FailoverWriter {
  readonly #parts: WriterParts
  readonly #valid: { readonly id: string; readonly text: string }[] = []
  readonly #revoked: string[] = []

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  async step(): Promise<void> {
    const oldest = this.#valid.length >= tokensMax ? this.#valid.shift() : undefined
    if (oldest) await this.#revoke(oldest)
    else await this.#create()
  }

  async problems(): Promise<string[]> {
    const problems: string[] = []
    for (const { id, text } of this.#valid) {
      if ((await this.#statusFor(text)) !== 200) problems.push(`lost: token ${id}`)
    }
    for (const text of this.#revoked) {
      if ((await this.#statusFor(text)) !== 401) problems.push('lost: the end of a token')
    }
    return problems
  }

  close(): void {}

  async #create(): Promise<void> {
    const { client, name } = this.#parts
    const path = '/coatcheck/v1/tokens'
    const headers = { 'Content-Type': 'application/json' }
    const reply = await send(client, { method: 'POST', path, headers, body: `{"name":"${name}"}` })
    if (reply.status !== 201) throw unexpected(path, reply)
    const { id, token } = JSON.parse(reply.body.toString()).data
    this.#valid.push({ id, text: token })
  }

  /** After an unknown outcome, the token may be revoked or not. */
  async #revoke({ id, text }: { id: string; text: string }): Promise<void> {
    const path = `/coatcheck/v1/tokens/${id}`
    const reply = await send(this.#parts.client, { method: 'DELETE', path })
    if (reply.status !== 204) throw unexpected(path, reply)
    this.#revoked.push(text)
  }

  async #statusFor(text: string): Promise<number> {
    const headers = { Authorization: `Bearer ${text}` }
    const { status } = await send(this.#parts.client, {
      method: 'GET',
      path: '/coatcheck/v1/me',
      headers,
    })
    return status
  }
}

/** What the writers of one number count together. */
export interface Count {
  acknowledged: number
  /** Increments whose outcome is unknown. */
  unknown: number
}

/** Reads a number, and writes the next one if the number is unchanged. */
export class CountWriter implements FailoverWriter {
  readonly #client: Client
  readonly #path: string
  readonly #count: Count

  constructor(client: Client, { path, count }: { path: string; count: Count }) {
    this.#client = client
    this.#path = path
    this.#count = count
  }

  async step(): Promise<void> {
    const { body, headers } = await send(this.#client, { method: 'GET', path: this.#path })
    const call = {
      method: 'PUT',
      path: this.#path,
      headers: { 'If-Match': headers.etag ?? '' },
      body: `${Number(body) + 1}`,
    }
    const reply = await send(this.#client, call).catch((error) => {
      this.#count.unknown += 1
      throw error
    })
    if (reply.status === 412) return this.step()
    if (reply.status !== 201) throw unexpected(this.#path, reply)
    this.#count.acknowledged += 1
  }

  async problems(): Promise<string[]> {
    const { body } = await send(this.#client, { method: 'GET', path: this.#path })
    const { acknowledged, unknown } = this.#count
    const value = Number(body)
    if (value >= acknowledged && value <= acknowledged + unknown) return []
    return [`lost: the count is ${value}, not from ${acknowledged} to ${acknowledged + unknown}`]
  }

  close(): void {}
}
