import { describe, expect, it } from 'vitest'
import { EventParser } from './event-parser.ts'

const stream =
  'retry: 1000\n\nid: 7\nevent: ready\ndata: {}\n\n: still here\nid: 8\n\ndata: a\r\ndata: b\r\n\r\n'

describe('server-sent events', () => {
  it.each([1, 2, 3, 1_000])('are read from pieces of %i characters', (length) => {
    const parser = new EventParser()
    const pieces = stream.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? []
    expect(pieces.flatMap((piece) => parser.push(piece))).toEqual([
      { kind: 'retry', ms: 1_000 },
      { kind: 'event', name: 'ready', data: '{}' },
      { kind: 'comment' },
      { kind: 'event', name: 'message', data: 'a\nb' },
    ])
  })

  it('give an id once the whole event is there, also without data', () => {
    const parser = new EventParser()
    expect(parser.lastId).toBe('')
    parser.push('id: 7\nevent: change\n')
    expect(parser.lastId).toBe('')
    parser.push('data: {}\n\n')
    expect(parser.lastId).toBe('7')
    parser.push('data: {}\n\n')
    expect(parser.lastId).toBe('7')
    parser.push('id: 8\n\n')
    expect(parser.lastId).toBe('8')
  })
})
