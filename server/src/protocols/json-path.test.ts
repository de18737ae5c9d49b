import { describe, expect, it } from 'vitest'
import { compilePath, JsonPathError } from './json-path.ts'

const pathsOf = (path: string, json: string): string[] =>
  compilePath(path)
    .find(json)
    .map((match) => match.path)

describe('a JSONPath', () => {
  const json = '{"items":[{"n":1,"t":"a"},{"n":2},{"n":null}],"it\'s":{"\\"":[true]},"10":5,"9":6}'

  it.each([
    ['$', ['$']],
    ['$.items[1]', ["$['items'][1]"]],
    ['$["items"][0].n', ["$['items'][0]['n']"]],
    ['$.items[-1]', ["$['items'][2]"]],
    ['$.items[0:3:2]', ["$['items'][0]", "$['items'][2]"]],
    ['$.items[0,0,1]', ["$['items'][0]", "$['items'][1]"]],
    ['$..t', ["$['items'][0]['t']"]],
    ['$["it\'s"]', ["$['it\\'s']"]],
    ["$['it\\'s']['\"'][0]", ["$['it\\'s']['\"'][0]"]],
    ['$.items[?@.n > 1]', ["$['items'][1]"]],
    ['$.items[?(@.n == null)]', ["$['items'][2]"]],
    ['$.items[?@.t]', ["$['items'][0]"]],
    ['$.items[?count(@.*) == 2]', ["$['items'][0]"]],
    ['$.nope', []],
    ['$.items.n', []],
  ])('finds each part once: %s', (path, paths) => {
    expect(pathsOf(path, json)).toEqual(paths)
  })

  it.each([
    '',
    'a',
    '$abc',
    '/a/b',
    "$.['items']",
    ' $',
    '$ ',
    '$[',
    '$.items[?]',
    '$[?match(@.a, "x")]',
    '$[?search(@.a, "x")]',
    '$[?process.exit()]',
    '$[?(@.a = 1)]',
    `$${'[0]'.repeat(2_000)}`,
  ])('is refused where it can not be understood: %s', (path) => {
    expect(() => compilePath(path)).toThrow(JsonPathError)
  })

  it('compares integers that no double holds by their digits', () => {
    const ids = '[9007199254740993,9007199254740992,-9007199254740993,"9007199254740993",1]'
    expect(pathsOf('$[?@ == 9007199254740993]', ids)).toEqual(['$[0]'])
    expect(pathsOf('$[?@ == 9007199254740992]', ids)).toEqual(['$[1]'])
    expect(pathsOf('$[?@ == -9007199254740993]', ids)).toEqual(['$[2]'])
    expect(pathsOf("$[?@ == '9007199254740993']", ids)).toEqual(['$[3]'])
    expect(pathsOf('$[?@ == 1]', ids)).toEqual(['$[4]'])
    expect(pathsOf('$[?@.a == "x 9007199254740993 y"]', '[{"a":"x 9007199254740993 y"}]')).toEqual([
      '$[0]',
    ])
  })

  it('stops before work without an end', () => {
    const large = JSON.stringify(Array.from({ length: 20_000 }, () => [[1], { a: [2] }]))
    for (const path of ['$..*..*..*', `$${'..*'.repeat(50)}`, '$..[?@..*]..*']) {
      expect(() => compilePath(path).find(large), path).toThrow(JsonPathError)
    }
    expect(compilePath('$..a').find(large)).toHaveLength(20_000)
  })

  it('takes values that inherit nothing', () => {
    const odd = '{"__proto__":{"a":1},"constructor":2,"toString":[3]}'
    expect(pathsOf('$.__proto__.a', odd)).toEqual(["$['__proto__']['a']"])
    expect(pathsOf('$.constructor', odd)).toEqual(["$['constructor']"])
    expect(pathsOf('$.hasOwnProperty', odd)).toEqual([])
    expect(pathsOf('$.*', odd)).toHaveLength(3)
  })
})

describe('a replacement', () => {
  const replace = (path: string, json: string, value: string) =>
    compilePath(path).replace(json, value)

  it.each([
    ['$', ' {"a":1} ', '[2]', 1, '[2]'],
    ['$.a', '{ "a" : 1.0 , "b":1e5}', '{ }', 1, '{ "a" : { } , "b":1e5}'],
    ['$[*]', '[1, 18446744073709551615 ,[2]]', '"x"', 3, '["x", "x" ,"x"]'],
    ['$..a', '{"a":{"a":1},"b":[{"a":2}]}', '0', 2, '{"a":0,"b":[{"a":0}]}'],
    ['$.b', '{"a":1}', '5', 0, '{"a":1}'],
    ['$.a.b', '{"a":1}', '5', 0, '{"a":1}'],
    ['$["10"]', '{"10":1,"9":2}', 'null', 1, '{"10":null,"9":2}'],
    ['$.__proto__', '{"__proto__":1}', '2', 1, '{"__proto__":2}'],
    ['$["\\u017e"]', '{"ž":1,"\\u017f":2}', '3', 1, '{"ž":3,"\\u017f":2}'],
  ])('changes nothing else: %s in %s', (path, json, value, count, after) => {
    const replaced = replace(path, json, value)
    expect(replaced.count).toBe(count)
    expect(replaced.json.trim()).toBe(after)
  })

  it('counts the first of members with the same name', () => {
    expect(replace('$.a', '{"a":1,"a":2}', '3')).toEqual({ count: 1, json: '{"a":3}' })
  })
})
