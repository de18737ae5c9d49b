import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { frame } from '../../src/transport/testing/frames.ts'
import { handshake } from '../../src/transport/testing/handshake.ts'
import { createTestFolder } from '../support/data/test-folder.ts'
import { openSocket } from '../support/network/nemesis-session.ts'
import type { SocketClient } from '../support/network/socket-client.ts'
import { startTestServer } from '../support/network/test-server.ts'
import { usageOf } from '../support/processes/resource-usage.ts'
import { ServerProcess } from '../support/processes/server-process.ts'

const mebibyte = 1_048_576
/** A server that holds a few answers of 9 MB, in all their forms, has less. */
const ownBytesMax = 700 * mebibyte
/** As a small machine has it. */
const smallHeap = { NODE_OPTIONS: '--max-old-space-size=768' }

/** A session with one small value, and how its client is answered. */
class Healthy {
  readonly #client: SocketClient
  readonly #session: string

  private constructor(client: SocketClient, session: string) {
    this.#client = client
    this.#session = session
  }

  static async open(url: string): Promise<Healthy> {
    const client = await openSocket(url)
    const session = await newSession(client)
    await client.ask(`{"KV_SET":{"tkn":${session},"keys":{"small":1}}}`)
    return new Healthy(client, session)
  }

  async assertAnswered(): Promise<void> {
    const answer = await this.#client.ask(`{"KV_GET":{"tkn":${this.#session},"keys":["small"]}}`)
    expect(answer).toBe(`{"KV_GET_RSP":{"tkn":${this.#session},"keys":{"small":1}}}`)
  }
}

/** A connection on which nothing is read yet, and what is written goes out in one piece. */
async function openRaw(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.write(handshake({ path: '/nemesis' }))
  await once(socket, 'readable')
  socket.read()
  return socket
}

async function newSession(client: SocketClient): Promise<string> {
  const answer = await client.ask('{"SH_NEW":{"name":"session"}}')
  return /"tkn":(\d+)/.exec(answer)?.[1] ?? ''
}

describe('a NemesisDB client that asks for more than it takes', () => {
  it('makes the server hold a bounded number of bytes, and others are answered', async () => {
    const server = await ServerProcess.start({ data: createTestFolder(), env: smallHeap })
    const url = `${server.url.replace('http', 'ws')}/nemesis`
    const hostile = await openSocket(url)
    const session = await newSession(hostile)
    const names = Array.from({ length: 10 }, (_, index) => `key-${index}`)
    for (const name of names) {
      const value = 'x'.repeat(900_000)
      await hostile.ask(`{"KV_SET":{"tkn":${session},"keys":{"${name}":"${value}"}}}`)
    }
    const healthy = await Healthy.open(url)
    const wanted = `{"KV_GET":{"tkn":${session},"keys":${JSON.stringify(names)}}}`
    const greedy = await openRaw(server.url)
    greedy.write(Buffer.concat(Array(600).fill(frame(wanted))))
    let own = 0
    for (let count = 0; count < 300; count += 1) {
      await healthy.assertAnswered()
      own = Math.max(own, usageOf(server.pid).own)
    }
    expect(own).toBeLessThan(ownBytesMax)
    expect(server.hasExited).toBe(false)
    let received = 0
    greedy.on('data', (part) => {
      received += part.length
    })
    await expect.poll(() => received, { timeout: 60_000 }).toBeGreaterThan(5 * 9_000_000)
  }, 120_000)

  it('gets the keys of a session counted while they are collected', async () => {
    const server = await ServerProcess.start({ data: createTestFolder(), env: smallHeap })
    const url = `${server.url.replace('http', 'ws')}/nemesis`
    const hostile = await openSocket(url)
    const session = await newSession(hostile)
    for (let part = 0; part < 60; part += 1) {
      const keys = Array.from({ length: 400 }, (_, index) => [
        `${'k'.repeat(2_300)}-${part}-${index}`,
        1,
      ])
      const values = JSON.stringify(Object.fromEntries(keys))
      await hostile.ask(`{"KV_SET":{"tkn":${session},"keys":${values}}}`)
    }
    const healthy = await Healthy.open(url)
    for (let count = 0; count < 30; count += 1) hostile.send(`{"KV_KEYS":{"tkn":${session}}}`)
    let own = 0
    for (let count = 0; count < 100; count += 1) {
      await healthy.assertAnswered()
      own = Math.max(own, usageOf(server.pid).own)
    }
    for (let count = 0; count < 30; count += 1) {
      expect(await hostile.receive()).toContain('"st":1000')
      own = Math.max(own, usageOf(server.pid).own)
    }
    expect(own).toBeLessThan(ownBytesMax)
  }, 120_000)
})

describe('a NemesisDB client with a pattern that repeats a thousand times', () => {
  it.each([
    ["$[?match(@,'PATTERN')]", 'a{1000}'.repeat(59)],
    ['$[?(@ =~ /PATTERN/)]', '(a|b|c){1000}'],
    ["$[?search(@,'PATTERN')]", '((a{10}){10}){10}'.repeat(20)],
    ["$[?tokenize(@,'PATTERN') == @]", '\\\\\\\\pL{1000}'.repeat(40)],
  ])('gets status 4 for %s, and others are answered', async (path, pattern) => {
    const server = await startTestServer({ nemesisPort: 0 })
    const hostile = await openSocket(server.nemesisUrl)
    const session = await newSession(hostile)
    const text = JSON.stringify(['a'.repeat(1_000)])
    const keys = Array.from({ length: 12 }, (_, index) => `"key-${index}":${text}`)
    await hostile.ask(`{"KV_SET":{"tkn":${session},"keys":{${keys}}}}`)
    const healthy = await Healthy.open(server.nemesisUrl)
    const wanted = `{"tkn":${session},"path":"${path.replace('PATTERN', pattern)}","rsp":"keys"}`
    for (let count = 0; count < 4; count += 1) hostile.send(`{"KV_FIND":${wanted}}`)
    await healthy.assertAnswered()
    for (let count = 0; count < 4; count += 1) {
      expect(await hostile.receive()).toBe(`{"KV_FIND_RSP":{"tkn":${session},"st":4}}`)
    }
    await server.close()
  })

  it('has one budget for all values of a command, and others are served between', async () => {
    const server = await startTestServer({ nemesisPort: 0 })
    const hostile = await openSocket(server.nemesisUrl)
    const session = await newSession(hostile)
    const value = JSON.stringify(Array(100).fill('ab'.repeat(400)))
    const keys = Array.from({ length: 300 }, (_, index) => `"${index}":[${value}]`)
    for (let first = 0; first < 300; first += 10) {
      await hostile.ask(`{"KV_SET":{"tkn":${session},"keys":{${keys.slice(first, first + 10)}}}}`)
    }
    const healthy = await Healthy.open(server.nemesisUrl)
    let isAnswered = false
    const path = "$..[?match(@,'(a|b|ab)*c')]"
    const wanted = `{"KV_FIND":{"tkn":${session},"path":"${path}","rsp":"keys"}}`
    const answer = hostile.ask(wanted).then((text) => {
      isAnswered = true
      return text
    })
    let served = 0
    while (!isAnswered) {
      await healthy.assertAnswered()
      served += 1
    }
    expect(await answer).toBe(`{"KV_FIND_RSP":{"tkn":${session},"st":4}}`)
    expect(served).toBeGreaterThan(10)
    await server.close()
  }, 60_000)
})

describe('a NemesisDB client that sends many commands at once', () => {
  const pattern = `${'a'.repeat(499)}b`
  const invalid = '('.repeat(500)

  it.each([
    [
      'a pattern that is slow',
      'KV_UPDATE',
      `"key":"a","value":2,"path":"$[?search('${'a'.repeat(100)}','${pattern}')]"`,
    ],
    ['an invalid pattern', 'KV_UPDATE', `"key":"a","value":2,"path":"$[?(@ =~ /${invalid}/)]"`],
    ['many sessions', 'SH_INFO_ALL', ''],
  ])('lets others be served between: %s', async (_, command, parameters) => {
    const server = await startTestServer({ nemesisPort: 0 })
    const hostile = await openSocket(server.nemesisUrl)
    const session = await newSession(hostile)
    await hostile.ask(`{"KV_SET":{"tkn":${session},"keys":{"a":[1]}}}`)
    for (let count = 0; count < 70; count += 1) await newSession(hostile)
    const healthy = await Healthy.open(server.nemesisUrl)
    const body = parameters === '' ? '' : `"tkn":${session},${parameters}`
    let answered = 0
    const commands = 200
    for (let count = 0; count < commands; count += 1) {
      hostile.send(`{"${command}":{${body}}}`)
      void hostile.receive().then(() => {
        answered += 1
      })
    }
    let served = 0
    while (answered < commands) {
      await healthy.assertAnswered()
      served += 1
    }
    expect(served).toBeGreaterThan(10)
    await server.close()
  })
})

describe('a command that is larger than one commit', () => {
  it.each([
    ['KV_SET', 'one value', ['x'.repeat(33 * mebibyte)]],
    ['KV_ADD', 'many values', Array(40).fill('x'.repeat(mebibyte))],
    ['KV_CLEAR_SET', 'many values', Array(40).fill('x'.repeat(mebibyte))],
  ])('gets status 42 (%s of %s), and is no failure of the server', async (command, _, values) => {
    const server = await startTestServer({ nemesisPort: 0, nemesisMaxPayload: 64 * mebibyte })
    const client = await openSocket(server.nemesisUrl)
    const session = await newSession(client)
    const keys = JSON.stringify(Object.fromEntries(values.map((value, at) => [`${at}`, value])))
    const answer = await client.ask(`{"${command}":{"tkn":${session},"keys":${keys}}}`)
    expect(answer).toContain(`{"${command}_RSP":{"st":42,`)
    expect(answer).toContain('at most 33554432 bytes')
    expect(await client.ask(`{"KV_COUNT":{"tkn":${session}}}`)).toContain('"cnt":0')
    expect(server.logged).toEqual([])
    await server.close()
  })

  it('is stored if it just fits', async () => {
    const server = await startTestServer({ nemesisPort: 0, nemesisMaxPayload: 64 * mebibyte })
    const client = await openSocket(server.nemesisUrl)
    const session = await newSession(client)
    const value = 'x'.repeat(31 * mebibyte)
    const answer = await client.ask(`{"KV_SET":{"tkn":${session},"keys":{"a":"${value}"}}}`)
    expect(answer).toBe(`{"KV_SET_RSP":{"tkn":${session},"keys":{"a":20}}}`)
    await server.close()
  })
})
