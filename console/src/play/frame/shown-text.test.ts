import { describe, expect, it } from 'vitest'
import { shownText } from './shown-text.ts'

// The texts are those of Chromium's own console.
describe('a printed line', () => {
  it.each([
    [['%s has %d points', 'Ada', 5], 'Ada has 5 points'],
    [['%d and %i and %f', 4.9, '7 up', '2.5'], '4 and 7 and 2.5'],
    [['%d', 'x'], 'NaN'],
    [['%s', { a: 1 }], '{"a":1}'],
    [['%cred', 'color: red'], 'red'],
    [['100%% of %s', 'it', 'more', 1], '100% of it more 1'],
    [['%s and %s', 'one'], 'one and %s'],
    [['100%'], '100%'],
    [['%s'], '%s'],
    [['50% off', 'x'], '50% off x'],
    [[5, '%s', 'x'], '5 %s x'],
    [[], ''],
  ])('from %j is the text %s', (args, text) => {
    expect(shownText(args)).toBe(text)
  })
})
