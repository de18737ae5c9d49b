import { describe, expect, it } from 'vitest'
import { parseJsonText } from '../json-text.ts'
import { parseTree, printTree } from '../json-tree.ts'
import { compilePath } from './json-path.ts'

describe('a JSONPath, as jsoncons 0.171 understands it', () => {
  // `is_false` of jsoncons 0.171: false, null, and empty strings, arrays and objects; 0 is true.
  it.each([
    ['@.v', [1, 5, 6, 7, 9, 11]],
    ['(@.v)', [1, 5, 6, 7, 9, 11]],
    ['!@.v', [0, 2, 3, 4, 8, 10]],
    ['!!@.v', [1, 5, 6, 7, 9, 11]],
    ['@.v && @.b', [1, 5]],
    ['@.v || @.b', [0, 1, 2, 5, 6, 7, 9, 11]],
    ['!@.v && @.b', [0, 2]],
    ['!(@.v || @.b)', [3, 4, 8, 10]],
    ['!@.v == @.b', [0, 2, 6, 7, 9]],
    ['@.v == true || @.v == false', [0, 1]],
    ['(@.v || @.b) == 1', [11]],
    ['(@.b && @.v) == 0', [5]],
    ['@.*', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]],
    ['@..x', [9]],
    ['@.v[*]', [7, 9]],
    ['@["v"]', [1, 5, 6, 7, 9, 11]],
    ['true', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['0', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ["'x'", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['[0]', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['false', []],
    ['null', []],
    ["''", []],
    ['[]', []],
    ['{}', []],
    ['@.b && "x"', [0, 1, 2, 5]],
    ['$[1].v', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['$[0].v', []],
  ])('tests the truth of %s', (filter, places) => {
    const values = '[{"v":false,"b":true},{"v":true,"b":true},{"v":null,"b":true},{"v":""},{"v":[]}'
    const others = '{"v":0,"b":1},{"v":"x","b":false},{"v":[0],"b":false},{"v":{}}'
    const last = '{"v":{"x":1},"b":false},{},{"v":1}]'
    expect(find(`$[?(${filter})]`, `${values},${others},${last}`)).toEqual(
      places.map((place) => `$[${place}]`),
    )
  })

  // A query that finds nothing is null in jsoncons 0.171 (`null_value`).
  it.each([
    ['@.x == null', [0, 1]],
    ['null == @.x', [0, 1]],
    ['@.x != null', [2, 3, 4]],
    ['!(@.x == null)', [2, 3, 4]],
    ['@.x.y == null', [0, 1, 2, 3]],
    ['@.x[0] == null', [0, 1, 2, 3, 4]],
    ['@[0] == null', [0, 1, 2, 3, 4]],
    ['@.x == @.nope', [0, 1]],
    ['@.x == $[9]', [0, 1]],
    ['@.x < 1', [2]],
    ['@.x >= null', []],
    ['(@.x < 1) == null', [0, 1, 3, 4]],
    ['@.nope.* == null', [0, 1, 2, 3, 4]],
    ['@.* == []', [0]],
    ['@.x == {"y":[1]}', [4]],
    ['@.x.y == [1]', [4]],
    ['@.x.* == [[1]]', [4]],
    ['@.x == {"y":[1],"z":2}', []],
    ['@.* == [0]', [2]],
  ])('takes a missing value for null in %s', (filter, places) => {
    const values = '[{},{"x":null},{"x":0},{"x":"s"},{"x":{"y":[1.0]}}]'
    expect(find(`$[?(${filter})]`, values)).toEqual(places.map((place) => `$[${place}]`))
  })

  // The functions of jsoncons 0.171 refuse values of other kinds (`invalid_type`), and a filter
  // with a function that failed selects nothing, whatever its other parts say.
  it.each([
    ['sum(@.v) == 3', [0]],
    ['sum(@.v)', [0, 1]],
    ['sum(@.v) == null', []],
    ['!sum(@.v)', []],
    ['@.k || sum(@.v)', [0, 1]],
    ['prod(@.v) == 2', [0]],
    ['!prod(@.v)', []],
    ['avg(@.v) == null', [1]],
    ['min(@.v) == null', [1]],
    ['max(@.v) == 2', [0]],
    ['sum(@.v[*]) == 0', [1, 2, 3]],
    ['sum(@.v.*) == 0', [1, 2, 3]],
    ['length(@.v) == 2', [0, 3]],
    ['count(@.v) == 2', [0, 3]],
    ['length(@.v)', [0, 1, 3, 4]],
    ['length(@.*) == 2', [0, 1, 2, 3, 4]],
    ['contains(@.v, "b")', [3, 4]],
    ['!contains(@.v, "b")', [0, 1]],
    ['starts_with(@.v, "a")', [3]],
    ['!starts_with(@.v, "a")', []],
    ['keys(@)', [0, 1, 2, 3, 4, 5]],
    ['keys(@.v)', []],
    ['abs(@.v)', [2]],
    ['to_number(@.v) == 5', [2]],
    ['to_number(@.v) == null', [3]],
    ['match(@.v, "a.") == true', [3]],
    ['!match(@.v, "a.")', [0, 1, 2, 4, 5]],
    ['@.v =~ /a/', [3]],
    ['(@.v =~ /a/) == null', [0, 1, 2, 4, 5]],
    ['!@.v =~ /a/', []],
    ['!(@.v =~ /x/)', [0, 1, 2, 3, 4, 5]],
  ])('calls functions in %s', (filter, places) => {
    const values = '[{"v":[1,2],"k":1},{"v":[],"k":1},{"v":5,"k":1},{"v":"ab","k":1}'
    const others = '{"v":["b"],"k":1},{"k":1}]'
    expect(find(`$[?(${filter})]`, `${values},${others}`)).toEqual(
      places.map((place) => `$[${place}]`),
    )
  })

  // `identifier_selector` of jsoncons 0.171.
  it('finds items by the digits of a name, and lengths', () => {
    const list = '[["a","b"],[],"xyz","",{"length":7,"0":1},5]'
    expect(find("$['0']", '[1,2]')).toEqual(['$[0]'])
    expect(find("$['-1']", '[1,2]')).toEqual(['$[1]'])
    expect(find("$['01','2','-3','x','1.0']", '[1,2]')).toEqual(['$[1]'])
    expect(find('$.1', '[1,2]')).toEqual(['$[1]'])
    expect(find('$.0.1', '[[1,2]]')).toEqual(['$[0][1]'])
    expect(find("$..['0']", list)).toEqual(['$[0]', '$[0][0]', "$[4]['0']"])
    expect(find('$.length', list)).toEqual(["$['length']"])
    expect(find("$[*]['length']", list)).toEqual([
      "$[0]['length']",
      "$[2]['length']",
      "$[3]['length']",
      "$[4]['length']",
    ])
    expect(find('$..length', list)).toEqual(["$['length']", "$[0]['length']", "$[4]['length']"])
    expect(find('$[?(@.length)]', list)).toEqual(['$[0]', '$[2]', '$[3]', '$[4]'])
    expect(find('$[?(@.length == null)]', list)).toEqual(['$[1]', '$[5]'])
    expect(find('$[?(@["0"] == "a")]', list)).toEqual(['$[0]'])
    expect(find('$.length.length', list)).toEqual([])
  })

  it('counts a length that it should replace, and changes nothing', () => {
    expect(replaced('$.length', '9', '[1,2]')).toEqual([1, '[1,2]'])
    expect(replaced('$..length', '9', '{"length":1,"a":[1,[2]]}')).toEqual([
      3,
      '{"length":9,"a":[1,[2]]}',
    ])
  })

  // `ojson` of jsoncons 0.171 keeps the order of members, and compares with it.
  it('takes objects for equal only if their members have the same order', () => {
    const objects = '[{"a":1,"b":[{"c":2}]},{"b":[{"c":2}],"a":1},{"a":1.0,"b":[{"c":2}]}]'
    expect(find('$[?@ == $[0]]', objects)).toEqual(['$[0]', '$[2]'])
    expect(find('$[?(@ == {"b":[{"c":2}],"a":1})]', objects)).toEqual(['$[1]'])
    expect(find('$[?@ != $[0]]', objects)).toEqual(['$[1]'])
  })
})

function find(path: string, text: string): string[] {
  return compilePath(path)
    .find(parseTree(text))
    .map(({ location }) => location)
}

function replaced(path: string, value: string, text: string): [number, string] {
  const tree = parseTree(text)
  return [compilePath(path).replace(tree, parseJsonText(value)), printTree(tree)]
}
