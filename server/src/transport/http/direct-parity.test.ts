import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StorageError } from '../../core/kernel/errors.ts'
import { AllowedHosts } from '../allowed-hosts.ts'
import type { HttpReply, HttpRequest } from '../exchange.ts'
import { IncomingRequest } from '../incoming-request.ts'
import { refusalOfHead, refuseMalformed, waitsToSend } from '../malformed.ts'
import { portOf } from '../port.ts'
import { lastReply, refusalReply } from '../refusal.ts'
import { isShortReply, sendWhole } from '../replies.ts'
import { HttpListener } from './http.ts'
import { readHead } from './request-head.ts'

/** The same requests in each run of the tests; others and more by `npm run test:long`. */
const share = Number(process.env.COATCHECK_PROPERTY_SHARE ?? 1)
const runs = 400 * share
const seed = share === 1 ? { seed: 1 } : {}
const headers = ['host', 'content-length', 'content-type', 'x-a', 'connection', 'transfer-encoding']

/** Replies with everything that a door can see of a request. */
async function echo(request: HttpRequest): Promise<HttpReply> {
  const { method, path, query, body } = request
  const bytes = await body.take(1_000)
  const text = JSON.stringify({
    method,
    path,
    query,
    headers: headers.map((name) => request.header(name) ?? null),
    body: Buffer.from(bytes).toString('latin1'),
  })
  return { status: 200, headers: { 'Content-Length': Buffer.byteLength(text) }, body: text }
}

/** Header lines: valid ones, and those that attackers use to smuggle one request behind another. */
const line = fc.constantFrom(
  ...['Content-Length: 3', 'content-length: 3', 'Content-Length: 03', 'Content-Length: 3, 3'],
  ...['Content-Length: +3', 'Content-Length:3 ', 'Content-Length: 0', 'Content-Length: 1e1'],
  ...['Content-Length : 3', 'Content-Length: -1', 'Content-Length: 3;', 'Content-Length:'],
  ...['Transfer-Encoding: chunked', 'transfer-encoding: identity', 'Transfer-Encoding : chunked'],
  ...['Connection: keep-alive', 'Connection: close', 'Connection: Keep-Alive, x', 'Host: y'],
  ...[
    'X-A: a',
    'X-A:\ta\t',
    'X-A: a\r\n b',
    'X-A: é',
    'X-A:',
    ' X-A: a',
    'X-A a',
    ': a',
    'X-A: a\0',
  ],
  ...['Content-Type: a', 'Content-Type: b', '__proto__: a', 'Expect: 100-continue', 'Upgrade: h2c'],
)
const strangeFirst = fc.constantFrom(
  ...['GET /a?b=c HTTP/1.1', 'PUT /a HTTP/1.1', 'POST /%zz HTTP/1.1', 'HEAD /a HTTP/1.1'],
  ...['GET http://x/a HTTP/1.1', 'GET * HTTP/1.1', 'OPTIONS * HTTP/1.1', 'get / HTTP/1.1'],
  ...['GET  /a HTTP/1.1', 'GET /a b HTTP/1.1', 'GET /a HTTP/1.0', 'GET /a HTTP/1.2', 'GET /a'],
  ...['DELETE /a#b HTTP/1.1', 'PATCH /é HTTP/1.1', 'GET /"<>\\^`{|} HTTP/1.1', 'LOCK /a HTTP/1.1'],
)
const first = mostly('PUT /a HTTP/1.1', strangeFirst)
const lineEnd = mostly('\r\n', fc.constantFrom('\n', '\r'))
const body = fc.constantFrom('', 'abc', '3\r\nabc\r\n0\r\n\r\n', 'abcGET /smuggled HTTP/1.1\r\n')

/** Rarely strange: a request with several errors would be refused for any one of them. */
function mostly(usual: string, strange: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: strange })
}

const message = fc
  .tuple(first, fc.array(fc.tuple(line, lineEnd), { maxLength: 4 }), lineEnd, lineEnd, body)
  .map(([start, lines, startEnd, end, rest]) => {
    const all = lines.map(([text, ended]) => `${text}${ended}`).join('')
    return `${start}${startEnd}Host: x\r\n${all}${end}${rest}`
  })

/** Changes the byte at a place of a message, or removes it. */
const mutation = fc.record({ at: fc.nat(150), byte: fc.option(fc.nat(255), { nil: undefined }) })

const bytes = fc.tuple(message, fc.array(mutation, { maxLength: 2 })).map(([text, mutations]) => {
  const list = [...Buffer.from(text, 'latin1')]
  for (const { at, byte } of mutations) {
    if (at < list.length) list.splice(at, 1, ...(byte === undefined ? [] : [byte]))
  }
  return Buffer.from(list)
})

const end = Buffer.from('GET /end HTTP/1.1\r\nHost: end\r\n\r\n')

/**
 * Splits the first request from the bytes behind it. If both came together, `node:http` would
 * refuse wrong bytes behind a request before it answers the request, and drop the reply to the
 * request.
 */
function piecesOf(sent: Buffer): Buffer[] {
  const head = readHead(sent)
  const length = head ? head.bodyStart + head.bodyBytes : sent.length
  return [sent.subarray(0, length), sent.subarray(length)].filter((piece) => piece.length > 0)
}

describe('a listener', () => {
  let listener: HttpListener
  let reference: Server
  const failures: unknown[] = []

  beforeAll(async () => {
    // A client that goes away while it sends is not a failure of the server.
    const logError = (_: string, error: unknown): void => {
      if (!(error instanceof StorageError)) failures.push(error)
    }
    listener = new HttpListener({ host: '127.0.0.1', port: 0, handler: echo, logError })
    await listener.listen()
    const refused = new WeakSet<Duplex>()
    const hosts = new AllowedHosts({ names: undefined, takesLoopback: true })
    const options = { keepAliveTimeout: 0, noDelay: true, requireHostHeader: false }
    const latest = new WeakMap<Duplex, ServerResponse<IncomingMessage>>()
    const serve: RequestListener = async (request, response) => {
      latest.set(request.socket, response)
      const refusal = refusalOfHead(request)
      if (refusal) {
        refused.add(request.socket)
        sendWhole(lastReply(refusal), { message: request, response })
        return
      }
      const askForBody = (): void => {
        if (waitsToSend(request)) response.writeContinue()
      }
      const misdirected = hosts.refusalOf(request)
      // A client that goes away while it sends gets no reply.
      const reply = await (misdirected
        ? Promise.resolve(refusalReply(misdirected))
        : echo(new IncomingRequest(request, undefined, undefined, askForBody)).catch(
            () => undefined,
          ))
      if (reply && isShortReply(reply)) sendWhole(reply, { message: request, response })
    }
    reference = createServer(options, serve)
    reference.on('checkContinue', serve)
    reference.on('checkExpectation', serve)
    reference.on('clientError', (error: Error & { code?: string }, socket) => {
      // A connection that was already refused and closed gets no second answer.
      if (refused.has(socket)) return
      const before = latest.get(socket)
      const isAnswered = !before?.req.complete || before.writableFinished
      if (isAnswered) refuseMalformed(error, socket)
      // By itself, Node would drop the reply that is still being made.
      else if (error.code !== 'HPE_CLOSED_CONNECTION') {
        before.once('close', () => refuseMalformed(error, socket))
      }
    })
    await once(reference.listen(0, '127.0.0.1'), 'listening')
  })

  afterAll(async () => {
    await listener.stop()
    reference.closeAllConnections()
    reference.close()
  })

  /**
   * Everything that is answered to `pieces` and one more request behind them, without the dates.
   */
  async function answerOf(
    port: number,
    pieces: readonly Buffer[],
    { turns, first }: { readonly turns: number; readonly first?: Buffer },
  ): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    socket.on('error', () => undefined) // closed while we write: only the received text counts
    await once(socket, 'connect')
    if (first) {
      socket.write(first)
      await expect.poll(() => text, { interval: 1, timeout: 10_000 }).toMatch(/\}$/)
      text = ''
    }
    for (const piece of [...pieces, end]) {
      if (socket.writable) socket.write(piece)
      await settled(() => text, { socket, turns })
    }
    socket.destroy()
    return text.replaceAll(/Date: [^\r]+/g, 'Date')
  }

  /** Waits until a reply is there, or none comes. */
  async function settled(
    text: () => string,
    { socket, turns }: { readonly socket: Socket; readonly turns: number },
  ): Promise<void> {
    const before = text()
    for (let turn = 0; turn < turns && text() === before; turn += 1) {
      if (socket.closed) return
      await sleep(2)
    }
    await sleep(turns / 5)
  }

  it(
    'answers every request as `node:http` does, whatever is wrong with it',
    async () => {
      const port = Number(new URL(listener.url).port)
      const answersTo = (sent: Buffer, turns: number): Promise<string[]> =>
        Promise.all([
          answerOf(port, [sent], { turns }),
          answerOf(portOf(reference), piecesOf(sent), { turns }),
        ])
      await fc.assert(
        fc.asyncProperty(bytes, async (sent) => {
          const [own, expected] = await answersTo(sent, 10)
          if (own === expected) return
          // A busy machine may need more time.
          const [patient, alike] = await answersTo(sent, 500)
          expect(patient).toBe(alike)
        }),
        { numRuns: runs, ...seed },
      )
      expect(failures).toEqual([])
    },
    120_000 * share,
  )

  /** The second request once got another reply, or its header lines in another order. */
  const examples = ['Host: y', 'transfer-encoding: identity'].map((line): [Buffer, Buffer] => [
    Buffer.from('PUT /a HTTP/1.1\r\nHost: x\r\n\r\n'),
    Buffer.from(`PUT /a HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n`),
  ])

  /** The first request of the second connection makes `node:http` read all behind it. */
  it(
    'answers every request alike, whichever of its two readers reads it',
    async () => {
      const port = Number(new URL(listener.url).port)
      const first = Buffer.from('GET /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x\r\n\r\n')
      const answersTo = (sent: Buffer, turns: number): Promise<string[]> =>
        Promise.all([answerOf(port, [sent], { turns }), answerOf(port, [sent], { turns, first })])
      await fc.assert(
        fc.asyncProperty(bytes, bytes, async (one, other) => {
          const sent = Buffer.concat([one, other])
          const [direct, indirect] = await answersTo(sent, 10)
          if (direct === indirect) return
          const [patient, alike] = await answersTo(sent, 500)
          expect(patient).toBe(alike)
        }),
        { numRuns: runs / 2, ...seed, examples },
      )
      expect(failures).toEqual([])
    },
    120_000 * share,
  )
})
