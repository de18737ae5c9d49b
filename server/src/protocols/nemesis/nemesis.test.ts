import { expect, it } from 'vitest'
import type { StorageEngine } from '../../core/engine/engine.ts'
import { WholeSource } from '../../core/kernel/byte-source.ts'
import { KeyQueue } from '../../core/kernel/key-queue.ts'
import { HurtEngine } from '../../core/testing/hurt-engine.ts'
import { openTestDomain, type TestDomain } from '../../core/testing/test-domain.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { MessageRoom, Reply } from '../../transport/socket-exchange.ts'
import { createNemesisDoor } from './nemesis.ts'

/** Room without a bound that knows how much of it is taken. */
class MeasuredRoom implements MessageRoom {
  readonly isOpen = true
  taken = 0
  most = 0

  take(bytes: number): void {
    this.taken += bytes
    this.most = Math.max(this.most, this.taken)
  }

  give(bytes: number): void {
    this.taken -= bytes
  }
}

interface Connection {
  readonly domain: TestDomain
  readonly room: MeasuredRoom
  ask(message: string): Promise<string>
}

async function connect(engine: StorageEngine): Promise<Connection> {
  const domain = await openTestDomain(engine)
  await domain.users.createFirst('the token of the first user')
  const door = createNemesisDoor({
    domain,
    environment: domain.environment,
    compat: '0.4',
    dumps: undefined,
    loads: new KeyQueue(),
    takesLocalHost: () => true,
  })
  const upgrade = { path: '/nemesis', query: '', peer: '127.0.0.1', isForwarded: false }
  const request = { ...upgrade, header: () => undefined, origin: undefined }
  const session = await door.accept(request, {
    close: () => undefined,
    push: async () => undefined,
  })
  if ('status' in session) throw new Error(session.message)
  const room = new MeasuredRoom()
  const ask = (message: string): Promise<string> =>
    new Promise((resolve) => {
      const reply: Reply = (answer) => resolve(String(answer))
      session.receive(message, reply, room)
    })
  return { domain, room, ask }
}

async function newSession({ ask }: Connection): Promise<string> {
  return /"tkn":(\d+)/.exec(await ask('{"SH_NEW":{"name":"s"}}'))?.[1] ?? ''
}

it('KV_UPDATE takes room for its value once, also if another server writes it meanwhile', async () => {
  const engine = new HurtEngine(new MemoryEngine())
  const connection = await connect(engine)
  const { domain, room, ask } = connection
  const token = await newSession(connection)
  const value = JSON.stringify([1, 'x'.repeat(50_000)])
  await ask(`{"KV_SET":{"tkn":${token},"keys":{"a":${value}}}}`)
  const other = await openTestDomain(engine)
  const [user] = await domain.users.list()
  const [session] = await Array.fromAsync(domain.sessions.list(user?.id ?? ''))
  const store = await other.stores.find(session?.id ?? '')
  const record = { key: 'a', contentType: 'application/json', contentEncoding: '' }
  room.most = 0
  engine.beforeCommit = async () => {
    await store.put({ ...record, source: new WholeSource(Buffer.from(value)) })
  }
  const update = `{"KV_UPDATE":{"tkn":${token},"key":"a","path":"$[0]","value":2}}`
  expect(await ask(update)).toBe(`{"KV_UPDATE_RSP":{"tkn":${token},"st":1,"cnt":1}}`)
  expect(engine.beforeCommit).toBeUndefined()
  expect(room.most).toBe(value.length)
  expect(room.taken).toBe(0)
})

class CountingEngine extends MemoryEngine {
  keysRead = 0

  override get(keys: Parameters<MemoryEngine['get']>[0]): ReturnType<MemoryEngine['get']> {
    this.keysRead += keys.length
    return super.get(keys)
  }
}

it('KV_FIND reads a value once, however many times its key is listed', async () => {
  const engine = new CountingEngine()
  const connection = await connect(engine)
  const { ask } = connection
  const token = await newSession(connection)
  await ask(`{"KV_SET":{"tkn":${token},"keys":{"a":[1,2],"b":[1]}}}`)
  engine.keysRead = 0
  const keys = ['b', ...Array<string>(1_000).fill('a'), 'none', 'b']
  const find = (rsp: string): Promise<string> =>
    ask(`{"KV_FIND":{"tkn":${token},"path":"$[*]","rsp":"${rsp}","keys":${JSON.stringify(keys)}}}`)
  expect(JSON.parse(await find('keys')).KV_FIND_RSP.keys).toEqual(
    keys.filter((key) => key !== 'none'),
  )
  expect(JSON.parse(await find('paths')).KV_FIND_RSP.paths).toEqual([
    '$[0]',
    ...Array.from({ length: 2_000 }, (_, index) => `$[${index % 2}]`),
    '$[0]',
  ])
  expect(engine.keysRead).toBeLessThan(100)
})

/** In how many turns of the event loop this is done. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let isDone = false
  void work.then(() => {
    isDone = true
  })
  let turns = 0
  for (; !isDone; turns += 1) await new Promise(setImmediate)
  return turns
}

it.each([
  ['does not match', '$[?search(@,"PATTERN")]', 'a'.repeat(400), '"st":1'],
  ['does not end', "$[?tokenize('a','PATTERN') == @]", '('.repeat(400), '"st":4'],
  ['is a pattern that does not end', '$[?(@ =~ /PATTERN/)]', '('.repeat(400), '"st":4'],
])('KV_FIND counts the work of a search that %s, so that others are served', async (...row) => {
  const [, path, pattern, expected] = row
  const connection = await connect(new MemoryEngine())
  const { ask } = connection
  const token = await newSession(connection)
  await ask(`{"KV_SET":{"tkn":${token},"keys":{"a":["x"]}}}`)
  const body = { keys: ['a'], path: path.replace('PATTERN', pattern), rsp: 'keys' }
  const find = `{"KV_FIND":{"tkn":${token},${JSON.stringify(body).slice(1)}}`
  const answers = Promise.all(Array.from({ length: 60 }, () => ask(find)))
  // In each turn a few searches are begun; uncounted, all of them would be.
  expect(await turnsOf(answers)).toBeGreaterThan(10)
  for (const answer of await answers) expect(answer).toContain(expected)
})
