import { describe, expect, it, onTestFinished } from 'vitest'
import { sharedToken } from '../../../src/protocols/nemesis/commands/shared-token.ts'
import { GatedEngine } from '../../support/data/gated-engine.ts'
import { Random } from '../../support/load/random.ts'
import { openSocket } from '../../support/network/nemesis-session.ts'
import type { SocketClient } from '../../support/network/socket-client.ts'
import { engines, startTestServer, useTestServer } from '../../support/network/test-server.ts'

const seed = Number(process.env.COATCHECK_PIPELINING_SEED ?? Date.now() % 1_000_000)
const names = ['alpha', 'beta', 'gamma'] as const
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const noCommand = '{"ERR":{"st":13,"m":""}}'

const deeds = [
  ['KV_SET', 20],
  ['KV_SETQ', 20],
  ['KV_ADD', 10],
  ['KV_ADDQ', 10],
  ['KV_GET', 20],
  ['KV_RMV', 12],
  ['KV_CONTAINS', 6],
  ['KV_COUNT', 4],
  ['KV_KEYS', 4],
  ['KV_CLEAR', 2],
  ['KV_CLEAR_SET', 3],
  ['KV_UPDATE', 8],
  ['KV_FIND', 4],
  ['SH_INFO', 2],
  ['SH_EXISTS', 2],
  ['SH_OPEN', 2],
  ['SH_NEW', 6],
  ['SH_END', 2],
  ['nonsense', 2],
] as const

describe.each(engines)('commands that are sent without waiting for answers, on %s', (engine) => {
  const server = useTestServer({ engine, nemesisPort: 0 })

  it('are answered in order, as if one ran after the other', async () => {
    process.stdout.write(`COATCHECK_PIPELINING_SEED=${seed} repeats these commands\n`)
    const client = await openSocket(server.nemesisUrl())
    const model = new Model(await sharedTokens(client), new Random(seed))
    const sent = Array.from({ length: 2_000 }, () => model.next())
    for (const { message } of sent) client.send(message)
    client.send('{}')
    for (const { message, answer } of sent) {
      if (answer !== undefined) expect(await client.receive(), message).toBe(answer)
    }
    expect(await client.receive()).toBe(noCommand)
    expect(server.logged()).toEqual([])
  })

  it('find a session that ended and was made again', async () => {
    const client = await openSocket(server.nemesisUrl())
    const { tkn } = JSON.parse(
      (await client.ask({ SH_NEW: { name: 'again', shared: true } })).replace(/\d{17,}/, '"$&"'),
    ).SH_NEW_RSP
    const set = (value: number): string => `{"KV_SET":{"tkn":${tkn},"keys":{"a":${value}}}}`
    expect(await client.ask(set(0))).toContain('"a":20')
    client.send(`{"SH_END":{"tkn":${tkn}}}`)
    client.send('{"SH_NEW":{"name":"again","shared":true}}')
    for (let value = 1; value <= 20; value += 1) client.send(set(value))
    client.send(`{"KV_GET":{"tkn":${tkn},"keys":["a"]}}`)
    expect(await client.receive()).toContain('"SH_END_RSP":{"st":1')
    expect(await client.receive()).toContain('"SH_NEW_RSP":{"st":1')
    for (let value = 1; value <= 20; value += 1) {
      expect(await client.receive()).toContain(`"keys":{"a":${value === 1 ? 20 : 21}}`)
    }
    expect(await client.receive()).toContain('"keys":{"a":20}')
  })

  it('are applied in order: the last of many writes to one key wins', async () => {
    const client = await openSocket(server.nemesisUrl())
    const { tkn } = await client.command('SH_NEW', { name: 'order' })
    const other = await openSocket(server.nemesisUrl())
    for (let value = 0; value < 300; value += 1) {
      other.send(`{"KV_SETQ":{"tkn":${tkn},"keys":{"a":${value},"b${value % 3}":${value}}}}`)
      other.send(`{"KV_SETQ":{"tkn":${tkn},"keys":{"a":${value + 0.5}}}}`)
    }
    const answer = await other.ask(`{"KV_GET":{"tkn":${tkn},"keys":["a","b0","b1","b2"]}}`)
    expect(answer).toContain('"keys":{"a":299.5,"b0":297,"b1":298,"b2":299}')
  })
})

describe('commits of commands that are sent without waiting for answers', () => {
  async function start() {
    const engine = new GatedEngine()
    const server = await startTestServer({ nemesisPort: 0 }, { open: async () => engine })
    onTestFinished(() => server.close())
    return { engine, client: await openSocket(server.nemesisUrl) }
  }

  it.each(['KV_SET', 'SH_NEW', 'SH_END', 'KV_CLEAR', 'KV_CLEAR_SET'])(
    'are made at the same time, so that they can share a sync: %s',
    async (command) => {
      const { engine, client } = await start()
      const tokens: unknown[] = []
      for (let index = 0; index < 32; index += 1) client.send('{"SH_NEW":{"name":"n"}}')
      for (let index = 0; index < 32; index += 1) {
        const token = /"tkn":(\d+)/.exec(await client.receive())?.[1]
        tokens.push(token)
        client.send(`{"KV_SETQ":{"tkn":${token},"keys":{"a":1}}}`)
      }
      expect(await client.ask('{}')).toBe(noCommand)
      expect(new Set(tokens).size).toBe(32)
      engine.commitsMost = 0
      for (const token of tokens) {
        client.send(`{"${command}":{"name":"n","tkn":${token},"keys":{"a":2}}}`)
      }
      for (const _ of tokens) expect(await client.receive()).not.toContain('"m"')
      expect(engine.commitsMost).toBeGreaterThanOrEqual(8)
    },
  )

  it('are made at the same time by SH_END_ALL', async () => {
    const { engine, client } = await start()
    for (let index = 0; index < 100; index += 1) client.send('{"SH_NEW":{"name":"n"}}')
    for (let index = 0; index < 100; index += 1) await client.receive()
    engine.commitsMost = 0
    expect(await client.ask('{"SH_END_ALL":{}}')).toBe('{"SH_END_ALL_RSP":{"st":1,"cnt":100}}')
    expect(engine.commitsMost).toBeGreaterThanOrEqual(8)
    expect(await client.command('SH_INFO_ALL', {})).toEqual({ totalSessions: 0, totalKeys: 0 })
  })

  it('are made in order if they change the same session', async () => {
    const { client } = await start()
    const { tkn } = await client.command('SH_NEW', { name: 'n' })
    const send = (name: string, more = ''): void => client.send(`{"${name}":{"tkn":${tkn}${more}}}`)
    for (const value of [1, 2, 3]) send('KV_CLEAR_SET', `,"keys":{"a":${value},"b${value}":1}`)
    send('KV_KEYS')
    send('KV_CLEAR')
    send('KV_CLEAR')
    send('SH_END')
    send('KV_CLEAR')
    const cnt = (count: number): string => `"cnt":${count}`
    for (const part of [
      cnt(0),
      cnt(2),
      cnt(2),
      '["a","b3"]',
      cnt(2),
      cnt(0),
      '"st":1',
      '"st":100',
    ]) {
      expect(await client.receive()).toContain(part)
    }
  })

  it('make a shared session before the next command, which may know its token', async () => {
    const { client } = await start()
    const tkn = sharedToken('known')
    client.send('{"SH_NEW":{"name":"known","shared":true}}')
    client.send(`{"KV_SET":{"tkn":${tkn},"keys":{"a":1}}}`)
    client.send('{"SH_NEW":{"name":"known","shared":true}}')
    expect(await client.receive()).toBe(`{"SH_NEW_RSP":{"st":1,"name":"known","tkn":${tkn}}}`)
    expect(await client.receive()).toContain('"keys":{"a":20}')
    expect(await client.receive()).toContain('"st":103')
  })
})

/** The tokens of shared sessions, which are made once and ended to learn them. */
async function sharedTokens(client: SocketClient): Promise<ReadonlyMap<string, string>> {
  const tokens = new Map<string, string>()
  for (const name of names) {
    const text = await client.ask({ SH_NEW: { name, shared: true } })
    const token = /"tkn":(\d+)/.exec(text)?.[1] ?? ''
    tokens.set(name, token)
    await client.ask(`{"SH_END":{"tkn":${token}}}`)
  }
  return tokens
}

interface Sent {
  readonly message: string
  /** Undefined: the command has no answer. */
  readonly answer: string | undefined
}

/** Computes the right answers from the commands so far. */
class Model {
  readonly #tokens: ReadonlyMap<string, string>
  readonly #random: Random
  readonly #sessions = new Map<string, Map<string, string>>()
  #made = 0

  constructor(tokens: ReadonlyMap<string, string>, random: Random) {
    this.#tokens = tokens
    this.#random = random
  }

  next(): Sent {
    const random = this.#random
    const command = random.weighted(deeds)
    const name = random.pick(names)
    const token = this.#tokens.get(name) ?? ''
    if (command === 'nonsense') return { message: '{', answer: '{"ERR":{"st":3,"m":""}}' }
    const message = (parameters: string): string => `{"${command}":{${parameters}}}`
    const rsp = (body: string): string => `{"${command}_RSP":{${body}}}`
    const session = this.#sessions.get(name)
    if (command === 'SH_NEW') {
      const st = session ? 103 : 1
      if (!session) this.#sessions.set(name, new Map())
      const answer = rsp(`"st":${st},"name":"${name}","tkn":${token}`)
      return { message: message(`"name":"${name}","shared":true`), answer }
    }
    if (command === 'SH_OPEN') {
      const answer = rsp(session ? `"tkn":${token},"st":1` : '"tkn":null,"st":102')
      return { message: message(`"name":"${name}"`), answer }
    }
    if (command === 'SH_EXISTS') {
      const answer = rsp(`"st":1,"tkns":{"${token}":${session !== undefined}}`)
      return { message: message(`"tkns":[${token}]`), answer }
    }
    const { parameters, body } = this.#valueCommand(command, session ?? new Map(), token)
    const gone = `"st":100,"tkn":${token},${command === 'SH_INFO' ? '"shared":null,"keyCnt":null' : '"m":""'}`
    if (session && command === 'SH_END') this.#sessions.delete(name)
    const answer = session ? body && rsp(body) : rsp(gone)
    return { message: message(`"tkn":${token}${parameters}`), answer }
  }

  /** Changes `values` as the command should. An empty body means no answer. */
  #valueCommand(
    command: string,
    values: Map<string, string>,
    token: string,
  ): { parameters: string; body: string | undefined } {
    const tkn = `"tkn":${token}`
    const cnt = values.size
    switch (command) {
      case 'KV_COUNT':
        return { parameters: '', body: `"st":1,"cnt":${cnt},${tkn}` }
      case 'KV_KEYS':
        return { parameters: '', body: `${tkn},"st":1,"keys":${JSON.stringify(sorted(values))}` }
      case 'KV_CLEAR':
        values.clear()
        return { parameters: '', body: `"st":1,"cnt":${cnt},${tkn}` }
      case 'SH_END':
        return { parameters: '', body: `"st":1,${tkn}` }
      case 'SH_INFO':
        return {
          parameters: '',
          body: `"st":1,${tkn},"shared":true,"keyCnt":${cnt},"expires":false`,
        }
      case 'KV_FIND':
        return {
          parameters: ',"rsp":"keys","path":"$"',
          body: `${tkn},"st":1,"keys":${JSON.stringify(sorted(values))}`,
        }
      case 'KV_UPDATE':
        return this.#update(values, tkn)
      case 'KV_GET':
      case 'KV_CONTAINS':
      case 'KV_RMV':
        return this.#byKeys(command, values, tkn)
      default:
        return this.#write(command, values, tkn)
    }
  }

  #update(values: Map<string, string>, tkn: string) {
    const key = this.#random.pick(keys)
    const value = this.#value()
    const isThere = values.has(key)
    if (isThere) values.set(key, value)
    const body = `${tkn},"st":${isThere ? 1 : 22},"cnt":${isThere ? 1 : 0}`
    return { parameters: `,"key":"${key}","path":"$","value":${value}`, body }
  }

  #byKeys(command: string, values: Map<string, string>, tkn: string) {
    const wanted = this.#someKeys()
    const parameters = `,"keys":${JSON.stringify(wanted)}`
    const statuses = wanted.map((key) => {
      if (command === 'KV_GET') return `"${key}":${values.get(key) ?? 'null'}`
      if (command === 'KV_CONTAINS') return `"${key}":${values.has(key)}`
      return `"${key}":${values.delete(key) ? 24 : 22}`
    })
    if (command === 'KV_RMV') return { parameters, body: `${tkn},${statuses}` }
    const start = command === 'KV_GET' ? tkn : `"st":1,${tkn}`
    return { parameters, body: `${start},"keys":{${statuses}}` }
  }

  #write(command: string, values: Map<string, string>, tkn: string) {
    const before = new Set(values.keys())
    if (command === 'KV_CLEAR_SET') values.clear()
    const written = this.#someKeys().map((key) => [key, this.#value()] as const)
    const adds = command.startsWith('KV_ADD')
    for (const [key, value] of written) if (!adds || !before.has(key)) values.set(key, value)
    const wasThere = adds ? 23 : 21
    const isNew = (key: string): boolean => command === 'KV_CLEAR_SET' || !before.has(key)
    const told = written.filter(([key]) => command !== 'KV_ADDQ' || !isNew(key))
    const statuses = told.map(([key]) => `"${key}":${isNew(key) ? 20 : wasThere}`)
    const isSilent = command === 'KV_SETQ' || (command === 'KV_ADDQ' && told.length === 0)
    const cleared = command === 'KV_CLEAR_SET' ? `"st":1,"cnt":${before.size},` : ''
    return {
      parameters: `,"keys":{${written.map(([key, value]) => `"${key}":${value}`)}}`,
      body: isSilent ? undefined : `${tkn},${cleared}"keys":{${statuses}}`,
    }
  }

  #someKeys(): string[] {
    const count = this.#random.between(1, 4)
    return [...new Set(Array.from({ length: count }, () => this.#random.pick(keys)))]
  }

  #value(): string {
    this.#made += 1
    return `${this.#made}`
  }
}

function sorted(values: ReadonlyMap<string, string>): string[] {
  return [...values.keys()].sort()
}
