import { describe, expect, it } from 'vitest'
import { closestTo } from './closest-name.ts'

const known = ['host', 'port', 'data', 'nemesis-port', 'unnamed-retention-days']

describe('a mistyped name', () => {
  it.each([
    ['prot', 'port'],
    ['por', 'port'],
    ['ports', 'port'],
    ['dta', 'data'],
    ['DATA', 'data'],
    ['nemesis_port', 'nemesis-port'],
    ['unamed-retention-day', 'unnamed-retention-days'],
  ])('%s means %s', (typed, meant) => {
    expect(closestTo(typed, known)).toBe(meant)
  })

  it.each(['foo', 'folder', '', 'x'])('%j means none of them', (typed) => {
    expect(closestTo(typed, known)).toBeUndefined()
  })

  it('means none where none is known', () => {
    expect(closestTo('port', [])).toBeUndefined()
  })
})
