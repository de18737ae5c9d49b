import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { closed, openClient } from '../testing/client.ts'
import { doorOf, echo, PatientDoor } from '../testing/doors.ts'
import { frame, opcodes } from '../testing/frames.ts'
import { startListener } from '../testing/listener.ts'
import { RawClient } from '../testing/raw-client.ts'

describe('a reply', () => {
  /** A client that sent these messages, and the questions that they are for the door. */
  async function asked(...messages: readonly string[]) {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    for (const message of messages) client.send(message)
    await expect.poll(() => door.questions.length).toBe(messages.length)
    return { client, texts, questions: door.questions }
  }

  it('goes out in the order of the messages, whatever order it is made in', async () => {
    const { texts, questions } = await asked('a', 'b', 'c', 'd')
    const [a, b, c, d] = questions
    d?.reply('D')
    b?.reply('B')
    await expect.poll(() => texts).toEqual([])
    a?.reply('A')
    await expect.poll(() => texts).toEqual(['A', 'B'])
    c?.reply('C')
    await expect.poll(() => texts).toEqual(['A', 'B', 'C', 'D'])
  })

  it('may be several texts, or none', async () => {
    const answers: Record<string, readonly string[]> = {
      two: ['first', 'second'],
      one: ['only'],
      none: [],
      empty: [''],
    }
    const door = doorOf((message, reply) => {
      const texts = answers[String(message)] ?? []
      for (const text of texts.slice(0, -1)) reply(text, { goesOn: true })
      reply(texts.at(-1))
    })
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    for (const text of ['none', 'two', 'none', 'empty', 'two', 'none', 'one']) client.send(text)
    await expect.poll(() => texts.at(-1)).toBe('only')
    expect(texts).toEqual(['first', 'second', '', 'first', 'second', 'only'])
  })

  it('may be long, with letters of any length at the end of each piece', async () => {
    const long = ['é'.repeat(300_000), `a${'😀'.repeat(200_000)}`, 'x'.repeat(1_000_000)]
    const lone = `${'y'.repeat(65_535)}\ud83d${'z'.repeat(300_000)}`
    const answers = ['short', ...long, 'between', lone, 'end']
    const door = doorOf((_, reply) => {
      for (const text of answers.slice(0, -1)) reply(text, { goesOn: true })
      reply(answers.at(-1))
    })
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    client.send('all')
    await expect.poll(() => texts.length).toBe(answers.length)
    const expected = answers.map((text) => text.toWellFormed())
    expect(texts.map((text, index) => text === expected[index])).toEqual(answers.map(() => true))
  })

  it('may come in parts, which go out at once if it is their turn', async () => {
    const { client, texts, questions } = await asked('a', 'b', 'c')
    const [a, b, c] = questions
    a?.reply('A1', { goesOn: true })
    await expect.poll(() => texts).toEqual(['A1'])
    b?.reply('B1', { goesOn: true })
    b?.reply('B2', { goesOn: true })
    c?.reply('C1', { goesOn: true })
    c?.reply('C2')
    a?.reply('A2')
    await expect.poll(() => texts).toEqual(['A1', 'A2', 'B1', 'B2'])
    b?.reply()
    await expect.poll(() => texts).toEqual(['A1', 'A2', 'B1', 'B2', 'C1', 'C2'])
    expect(client.readyState).toBe(client.OPEN)
  })

  it('may be several texts even if it is made early', async () => {
    const { texts, questions } = await asked('a', 'b', 'c', 'd')
    const [a, b, c, d] = questions
    b?.reply('B1', { goesOn: true })
    b?.reply('B2')
    c?.reply()
    d?.reply('D')
    a?.reply()
    await expect.poll(() => texts).toEqual(['B1', 'B2', 'D'])
  })

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576])('may have %i bytes', async (length) => {
    const { url } = await startListener({ door: echo })
    const { client, texts } = await openClient(url)
    const text = 'x'.repeat(length)
    client.send(text)
    client.send('next')
    await expect.poll(() => texts.length).toBe(2)
    expect(texts[0] === text).toBe(true)
    expect(texts[1]).toBe('next')
  })

  it('keeps characters of several bytes, and replaces half of a surrogate pair', async () => {
    const letters = ['ä'.repeat(63), '€'.repeat(42), '🧥'.repeat(40_000)]
    const door = doorOf((_, reply) => {
      for (const text of letters) reply(text, { goesOn: true })
      reply('half \ud83e')
    })
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    client.send('')
    await expect.poll(() => texts.length).toBe(4)
    expect(texts).toEqual([...letters, 'half \ufffd'])
  })

  it('is the same if many go out in one write', async () => {
    const { url } = await startListener({ door: echo })
    const { client, texts } = await openClient(url)
    const sent = Array.from({ length: 3_000 }, (_, index) => `${index} `.repeat(index % 100))
    for (const text of sent) client.send(text)
    await expect.poll(() => texts.length).toBe(sent.length)
    expect(texts).toEqual(sent)
  })
})

describe('a message', () => {
  it('may come in fragments, and with a ping in between', async () => {
    const { url } = await startListener({ door: echo })
    const client = await RawClient.open(url)
    client.write(
      frame('in ', { isFinal: false }),
      frame('', { code: opcodes.more, isFinal: false }),
      frame('still there?', { code: opcodes.ping }),
      frame('three ', { code: opcodes.more, isFinal: false }),
      frame('parts', { code: opcodes.more }),
    )
    const both = [await client.next(), await client.next()]
    expect(both.map(({ code, payload }) => [code, payload.toString()])).toEqual(
      expect.arrayContaining([
        [opcodes.pong, 'still there?'],
        [opcodes.text, 'in three parts'],
      ]),
    )
  })

  it('may come byte by byte, and cut through characters', async () => {
    const { url } = await startListener({ door: echo })
    const client = await RawClient.open(url)
    const text = 'zwölf 🧥 '.repeat(20)
    const data = Buffer.from(text)
    const parts = [...data].map((byte, index) =>
      frame(Buffer.from([byte]), {
        code: index === 0 ? opcodes.text : opcodes.more,
        isFinal: index === data.length - 1,
      }),
    )
    for (const byte of Buffer.concat(parts)) client.write(Buffer.from([byte]))
    expect(await client.nextText()).toBe(text)
  })

  it('reaches the door before earlier messages are answered', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const { client } = await openClient(url)
    for (let index = 0; index < 500; index += 1) client.send(`${index}`)
    await expect.poll(() => door.questions.length).toBe(500)
    expect(door.questions.map(({ message }) => Number(message))).toEqual([
      ...Array.from({ length: 500 }).keys(),
    ])
  })

  it('of garbage does no harm, even if ten thousand come', async () => {
    let count = 0
    const door = doorOf((message, reply) => {
      count += 1
      reply(message === 'end' ? 'end' : undefined)
    })
    const { url, failures } = await startListener({ door })
    const { client, texts } = await openClient(url)
    for (let index = 0; index < 10_000; index += 1) {
      client.send(randomBytes(50).toString(index % 2 === 0 ? 'latin1' : 'base64'))
      if (index % 10 === 0) client.send(randomBytes(50))
    }
    client.send('end')
    await expect.poll(() => texts).toEqual(['end'])
    expect([count, failures]).toEqual([11_001, []])
  })
})

describe('a ping', () => {
  it('is answered with its own data', async () => {
    const { url } = await startListener({ door: echo })
    const client = await RawClient.open(url)
    for (const data of [Buffer.alloc(0), randomBytes(125)]) {
      client.write(frame(data, { code: opcodes.ping }))
      expect(await client.next()).toEqual({ code: opcodes.pong, payload: data })
      client.write(frame('and again'))
      expect(await client.nextText()).toBe('and again')
    }
  })

  it('is answered once if many come, with the data of the last', async () => {
    const { url } = await startListener({ door: echo })
    const client = await RawClient.open(url)
    const pings = Array.from({ length: 20_000 }, (_, index) =>
      frame(`${index}`, { code: opcodes.ping }),
    )
    client.write(Buffer.concat(pings))
    let count = 0
    for (let last = ''; last !== '19999'; count += 1) {
      const { code, payload } = await client.next()
      expect(code).toBe(opcodes.pong)
      last = payload.toString()
    }
    expect(count).toBeLessThan(2_000)
  })
})

describe('what a client must not send', () => {
  const limit = 1_000

  it.each([
    ['a text that is not valid UTF-8', frame(Buffer.from([0x61, 0xff])), 1007],
    ['a text that ends within a character', frame(Buffer.from([0xe2, 0x82])), 1007],
    ['a frame without a mask', frame('text', { isMasked: false }), 1002],
    ['a frame that is compressed', frame('text', { reserved: 4 }), 1002],
    ['a frame with reserved bits', frame('text', { reserved: 1 }), 1002],
    ['an unknown opcode', frame('text', { code: 3 }), 1002],
    ['a continuation of nothing', frame('text', { code: opcodes.more }), 1002],
    ['a ping in fragments', frame('', { code: opcodes.ping, isFinal: false }), 1002],
    ['a ping that is too long', frame('x'.repeat(126), { code: opcodes.ping }), 1002],
    ['an invalid close code', frame(Buffer.from([0, 1]), { code: opcodes.close }), 1002],
    ['bytes of some other protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1002],
  ])('closes the connection: %s', async (_, bytes, code) => {
    const { url, failures } = await startListener({ door: echo, maxPayloadBytes: limit })
    const client = await RawClient.open(url)
    client.write(frame('before'), bytes)
    expect(await client.nextText()).toBe('before')
    expect(await client.nextClose()).toEqual({ code, reason: expect.stringMatching(/\.$/) })
    expect(await client.rest()).toBe('')
    expect(failures).toEqual([])
  })

  it.each([
    ['in one frame', [frame('x'.repeat(limit + 1))]],
    [
      'in fragments',
      [frame('x'.repeat(limit), { isFinal: false }), frame('x', { code: opcodes.more })],
    ],
    ['as its head says', [frame('x'.repeat(70_000)).subarray(0, 10)]],
  ])('closes the connection: a message that is too long, %s', async (_, frames) => {
    const { url } = await startListener({ door: echo, maxPayloadBytes: limit })
    const client = await RawClient.open(url)
    client.write(...frames)
    const reason = `A message may have at most ${limit} bytes.`
    expect(await client.nextClose()).toEqual({ code: 1009, reason })
    await client.rest()
  })

  it('is reported even to clients that read only after they have written all of it', async () => {
    const { url } = await startListener({ door: echo, maxPayloadBytes: limit })
    const { client } = await openClient(url)
    client.send('x'.repeat(20_000_000))
    expect(await closed(client)).toMatchObject({ code: 1009 })
  })

  it('does not include a message of exactly the limit', async () => {
    const { url } = await startListener({ door: echo, maxPayloadBytes: limit })
    const client = await RawClient.open(url)
    client.write(frame('x'.repeat(limit)))
    expect(await client.nextText()).toHaveLength(limit)
  })

  it('closes the connection: a message in endless pieces', async () => {
    const { url } = await startListener({ door: echo })
    const client = await RawClient.open(url)
    const piece = frame('x', { code: opcodes.more, isFinal: false })
    client.write(frame('x', { isFinal: false }), Buffer.concat(Array(20_000).fill(piece)))
    expect(await client.nextClose()).toMatchObject({ code: 1008 })
  })

  it('does not cost earlier messages their replies', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const client = await RawClient.open(url)
    client.write(frame('one'), frame('two'), frame('x', { isMasked: false }), frame('three'))
    await expect.poll(() => door.questions.length).toBe(2)
    const [one, two] = door.questions
    two?.reply('2')
    setTimeout(() => one?.reply('1'), 50)
    expect([await client.nextText(), await client.nextText()]).toEqual(['1', '2'])
    expect(await client.nextClose()).toMatchObject({ code: 1002 })
    expect([door.questions.length, door.closedCount]).toEqual([2, 1])
  })
})
