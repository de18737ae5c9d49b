import { expect, it } from 'vitest'
import { formatJson, mistakeIn, outlineOf } from './json-lines.ts'
import { pathOfLine } from './json-path.ts'

it('moves tokens and keeps every one of them, also big integers and doubled names', () => {
  const text = '{"a":9007199254740993,"a":1.50e+2,"b":[1,{"c":[]},{}],"d":"x\\u0041 , : {"}'
  const shown = formatJson(text)
  expect(shown).toBe(`{
  "a": 9007199254740993,
  "a": 1.50e+2,
  "b": [
    1,
    {
      "c": []
    },
    {}
  ],
  "d": "x\\u0041 , : {"
}
`)
  expect(formatJson(shown)).toBe(shown)
  expect(formatJson(' 12 ')).toBe('12\n')
})

it('knows which line closes another, how many items it has, and the path of each', () => {
  const outline = outlineOf('{"a":[1,[2,3],{"odd key":4}],"b":{}}')
  expect(
    outline.lines.map(({ close, count }) => (close === undefined ? '' : [close, count])),
  ).toEqual([[12, 2], [10, 3], '', [6, 2], '', '', '', [9, 1], '', '', '', '', ''])
  expect(pathOfLine(outline, 5)).toBe('$.a[1][1]')
  expect(pathOfLine(outline, 8)).toBe('$.a[2]["odd key"]')
  expect(pathOfLine(outline, 11)).toBe('$.b')
  expect(pathOfLine(outline, 0)).toBe('$')
})

it('is no deeper than the text allows: 100,000 brackets need no stack', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  expect(outlineOf(deep).lines).toHaveLength(199_999)
})

it.each([
  ['{"a":1,}', 1, 'a name in double quotes'],
  ['{"a":1\n"b":2}', 2, 'a comma or a closing bracket'],
  ['[1,\n2,\n]', 3, 'a value'],
  ['{a:1}', 1, 'a name in double quotes or }'],
  ['[01]', 1, 'a value or ]'],
  ['["a\nb"]', 1, 'no end'],
  ['[1}', 1, 'a comma or a closing bracket'],
  ['', 1, 'The text ends'],
  ['1 2', 1, 'the end'],
  ["{'a':1}", 1, 'a name in double quotes'],
])('says what is wrong in %j, and in which line', (text, line, words) => {
  const mistake = mistakeIn(text)
  expect(mistake?.line).toBe(line)
  expect(mistake?.message).toContain(words)
})

it.each(['{}', '[]', '""', 'null', '-0.5e-3', '{"a":{"a":{}}}', '\ufeff[1]'])(
  'takes %j',
  (text) => {
    expect(mistakeIn(text)).toBeUndefined()
  },
)
