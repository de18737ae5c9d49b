import { describe, expect, it } from 'vitest'
import { keptLengthMax, programMessage, runMessage } from './program-messages.ts'

describe('a message of a program', () => {
  it.each([
    { type: 'coatcheck-applab', kind: 'set', key: 'k' },
    { type: 'coatcheck-applab', kind: 'get', key: '' },
    { type: 'coatcheck-play', kind: 'printed', level: 'warn', text: 'careful' },
    {
      type: 'coatcheck-play',
      kind: 'kept',
      storage: 'localStorage',
      changes: { name: 'text', gone: null },
    },
    { type: 'coatcheck-play', kind: 'state', state: 'done' },
    { type: 'coatcheck-play', kind: 'cleared' },
  ])('is taken as %j', (message) => {
    expect(programMessage({ ...message, more: 1 })).toEqual(message)
  })

  it.each([
    undefined,
    null,
    'coatcheck-play',
    {},
    { type: 'coatcheck-applab', kind: 'deleted', key: 'k' },
    { type: 'coatcheck-applab', kind: 'set', key: 5 },
    { type: 'coatcheck-play', kind: 'printed', level: 'fatal', text: '' },
    { type: 'coatcheck-play', kind: 'printed', level: 'log', text: {} },
    { type: 'coatcheck-play', kind: 'kept', storage: 'localStorage', changes: { name: 5 } },
    { type: 'coatcheck-play', kind: 'kept', storage: 'localStorage', changes: null },
    { type: 'coatcheck-play', kind: 'kept', storage: 'cookies', changes: {} },
    { type: 'coatcheck-play', kind: 'state', state: 'happy' },
    {
      type: 'coatcheck-play',
      kind: 'kept',
      storage: 'localStorage',
      changes: { name: 'x'.repeat(keptLengthMax) },
    },
  ])('is refused if it is %j', (message) => {
    expect(programMessage(message)).toBe(undefined)
  })
})

describe('a message to a program', () => {
  const kept = { localStorage: { name: 'text' }, sessionStorage: {} }
  const run = { type: 'coatcheck-play-run', code: '', channelId: 'c', pageKey: undefined, kept }

  it('says what to run, with a page key or without', () => {
    expect(runMessage(run)).toEqual(run)
    expect(runMessage({ ...run, pageKey: 'key' })).toEqual({ ...run, pageKey: 'key' })
  })

  it.each([
    {},
    { ...run, code: 5 },
    { ...run, channelId: undefined },
    { ...run, kept: {} },
    { ...run, kept: { ...kept, sessionStorage: [5] } },
  ])('is refused if it is %j', (message) => {
    expect(runMessage(message)).toBe(undefined)
  })
})
