import { describe, expect, it } from 'vitest'
import { callingLine, lineOf } from './calling-line.ts'

describe('the line of the calling code', () => {
  it.each([
    [
      'Chromium, a page',
      'Error\n    at http://host/page.html:12:9\n    at http://host/a.js:3:4',
      12,
    ],
    ['Chromium, a function', 'Error\n    at draw (http://host/page.html:7:3)', 7],
    [
      'Chromium, eval',
      'Error\n    at eval (eval at run (http://host/a.js:1:5), <anonymous>:4:1)',
      4,
    ],
    ['Chromium, a page without an address', 'Error\n    at about:srcdoc:5:3', 5],
    ['Firefox', '@http://host/page.html:12:9\ndraw@http://host/page.html:3:1', 12],
    ['Safari', 'global code@http://host/page.html:12:9', 12],
    ['a native function first', 'Error\n    at Array.map (<anonymous>)\n    at http://h/p:6:3', 6],
  ])('is found as %s writes it', (_, stack, line) => {
    expect(lineOf(stack)).toBe(line)
  })

  it.each(['', 'Error', 'Error: 12:30 is too late'])('is not found in "%s"', (stack) => {
    expect(lineOf(stack)).toBeUndefined()
  })

  it('is that of the caller, not of a function in between', () => {
    const between = (): number | undefined => callingLine(called)
    function called(): number | undefined {
      return between()
    }
    const here = lineOf(new Error('here').stack ?? '')
    expect([called(), called()]).toEqual([Number(here) + 1, Number(here) + 1])
  })
})
