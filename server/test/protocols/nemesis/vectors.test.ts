import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { SocketClient } from '../../support/network/socket-client.ts'
import { startTestServer, type TestServer, wireEngines } from '../../support/network/test-server.ts'

interface Step {
  readonly send: object
  readonly expect: object | readonly object[] | null
  readonly match: 'exact' | 'subset'
  readonly ignore?: readonly string[]
  readonly capture?: Readonly<Record<string, readonly [string, string]>>
  readonly conn?: number
}

interface Vector {
  readonly name: string
  readonly requires?: string
  readonly steps: readonly Step[]
}

/**
 * Requests and answers of NemesisDB 0.4's own tests (CC0 1.0). `"$T1"` stands for a token, which
 * is a plain integer on the wire.
 */
const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../fixtures/nemesis-0.4.json', import.meta.url), 'utf8'),
)

const running: TestServer[] = []

afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

describe.each(wireEngines)("NemesisDB 0.4's own tests, on %s", (engine) => {
  it('are all included', () => {
    expect(vectors.length).toBe(41)
  })

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_, vector) => {
    const server = await startTestServer({ engine, nemesisPort: 0 })
    running.push(server)
    await replay(vector, server.nemesisUrl)
  })
})

/** The answer to `{}`, sent after a command without an answer: that one is done then. */
const noCommand = '{"ERR":{"st":13,"m":""}}'

async function replay({ steps }: Vector, url: string): Promise<void> {
  const clients = new Map<number, SocketClient>()
  const tokens = new Map<string, string>()
  for (const { conn = 0, ...step } of steps) {
    const client = clients.get(conn) ?? (await SocketClient.open(url))
    clients.set(conn, client)
    client.send(withTokens(JSON.stringify(step.send), tokens))
    if (step.expect === null) expect(await client.ask('{}')).toBe(noCommand)
    for (const expected of expectedOf(step)) {
      const text = await client.receive()
      const wanted = parse(withTokens(JSON.stringify(expected), tokens))
      expectAnswer(parse(text), wanted, step)
      for (const [name, [command, member]] of Object.entries(step.capture ?? {})) {
        tokens.set(name, String(Object(Object(parse(text))[command])[member]))
      }
    }
  }
  for (const client of clients.values()) client.close()
}

function expectedOf({ expect: expected }: Step): readonly object[] {
  if (expected === null) return []
  return Array.isArray(expected) ? expected : [expected]
}

function expectAnswer(answer: unknown, expected: unknown, { match, ignore = [] }: Step): void {
  const [command = '', body] = Object.entries(Object(expected))[0] ?? []
  const found = { ...Object(answer)[command] }
  const wanted = { ...Object(body) }
  for (const name of ignore) {
    delete found[name]
    delete wanted[name]
  }
  // The original's unit tests do not have this member.
  if (!('duration' in wanted)) delete found.duration
  expect(Object.keys(Object(answer))).toEqual([command])
  if (match === 'exact') expect(found).toEqual(wanted)
  else expect(wanted).toSatisfy((some: object) => isPartOf(some, found))
}

/** Whether `whole` contains `some`; objects may have more members, at any depth. */
function isPartOf(some: object, whole: object): boolean {
  return Object.entries(some).every(([name, value]) => {
    const found: unknown = Reflect.get(whole, name)
    if (!isObject(value) || !isObject(found)) return isDeepStrictEqual(value, found)
    return isPartOf(value, found)
  })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Fills in tokens: plain integers in values, texts in names. */
function withTokens(text: string, tokens: ReadonlyMap<string, string>): string {
  let spelled = text
  for (const [name, token] of tokens) {
    spelled = spelled.replaceAll(`"${name}":`, `"${token}":`).replaceAll(`"${name}"`, token)
  }
  return spelled
}

/** Parses JSON; integers that no double holds become a bigint. */
function parse(text: string): unknown {
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    const source = context?.source ?? ''
    return typeof value === 'number' && /^\d{16,}$/.test(source) ? BigInt(source) : value
  }
  return JSON.parse(text, reviver)
}
