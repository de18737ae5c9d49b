import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../core/kernel/limits.ts'
import { parseJsonText } from '../json-text.ts'
import { JsonTreeError, parseTree, printTree } from '../json-tree.ts'
import { JsonPathError } from './error.ts'
import { compilePath, PathWork } from './json-path.ts'

interface ComplianceTest {
  readonly name: string
  readonly selector: string
  readonly document?: unknown
  readonly invalid_selector?: true
  readonly result_paths?: readonly string[]
  readonly results_paths?: readonly (readonly string[])[]
}

const compliance = new URL('./fixtures/compliance-tests.json', import.meta.url)
const { tests }: { tests: ComplianceTest[] } = JSON.parse(readFileSync(compliance, 'utf8'))

/**
 * What jsoncons 0.171, which NemesisDB uses, does otherwise than the compliance tests of RFC 9535
 * ask: selectors that it accepts, and what it finds. Null: it refuses the selector.
 */
interface JsonconsAnswers {
  readonly accepted: readonly string[]
  readonly found: Readonly<Record<string, readonly string[] | null>>
}

const answers = new URL('./fixtures/jsoncons-answers.json', import.meta.url)
const jsoncons: JsonconsAnswers = JSON.parse(readFileSync(answers, 'utf8'))
const isOtherwise = ({ name }: ComplianceTest): boolean =>
  jsoncons.accepted.includes(name) || Object.hasOwn(jsoncons.found, name)

const shop = `{"id":9007199254740993,"items":[
  {"name":"apple","price":0.6,"tags":["a","b"],"n":1.0},
  {"name":"Banana","price":12,"tags":[],"n":9007199254740993},
  {"name":"x/y","price":-3,"s":"1,2,3","half":0.5}
],"length":7}`

describe('a JSONPath', () => {
  it.each(tests.filter((test) => !isOtherwise(test)).map((test) => [test.name, test] as const))(
    'passes the compliance test "%s"',
    (_, test) => {
      const { selector, document, result_paths = [], results_paths = [result_paths] } = test
      if (test.invalid_selector) {
        expect(() => compilePath(selector)).toThrow(JsonPathError)
        return
      }
      // Unlike RFC 9535, we list a value once that is found twice.
      const possible = results_paths.map((paths) => [...new Set(paths)])
      expect(possible).toContainEqual(find(selector, JSON.stringify(document)))
    },
  )

  it.each(tests.filter(isOtherwise).map((test) => [test.name, test] as const))(
    'does as jsoncons and not as the compliance test "%s"',
    (name, { selector, document = [] }) => {
      const expected = jsoncons.found[name]
      if (expected === null) expect(() => compilePath(selector)).toThrow(JsonPathError)
      else expect(find(selector, JSON.stringify(document))).toEqual(expected ?? [])
    },
  )

  it('finds values and where they are', () => {
    const [found] = compilePath('$.items[-1].name').find(parseTree(shop))
    expect([found?.location, found?.value.text]).toEqual(["$['items'][2]['name']", '"x/y"'])
    expect(find('$', '1')).toEqual(['$'])
    expect(find('$[*]', '{"items":[1,2]}')).toEqual(["$['items']"])
    expect(find('$[-1]', '[1,2,3]')).toEqual(['$[2]'])
    expect(find('$ .a ["b"]', '{"a":{"b":1}}')).toEqual(["$['a']['b']"])
    expect(find("$['it\\'s'].*", '{"it\'s":{"\\"\\\\\\n\\u001f":1}}')).toEqual([
      "$['it\\'s']['\"\\\\\\n\\u001f']",
    ])
  })

  it('finds each value once', () => {
    expect(find('$[0,0,-2]', '[1,2]')).toEqual(['$[0]'])
    expect(find('$..*..*', '[[[1]]]')).toEqual(['$[0][0]', '$[0][0][0]'])
  })

  it.each([
    '',
    'a',
    '$abc',
    '/a/b',
    "$.['items']",
    '$.',
    '$[?@.a == 1 == true]',
    '$[?@.a + 1 == 2]',
    '$[(@.length-1)]',
    '$[?nothing(@)]',
    '$[?contains(@.a)]',
    '$[?@.a =~ /(/]',
    '$[?@.a =~ /(?=a)/]',
    '$.a^',
    'length($)',
    '$[::0]',
    '$[0:2:0]',
    '$[?@.a == [1,]]',
    '$[?@.a == [1]',
    '$[?@.a =~ /a]',
    '$[?-@.a]',
    '$[?@ > 00.5]',
    '$[0.0]',
    '$[0.5]',
    '$[:0e1]',
    "$['\ud800']",
    `$${'.a'.repeat(1_000)}`,
  ])('is not %j', (text) => {
    expect(() => compilePath(text)).toThrow(JsonPathError)
  })

  it('compares numbers exactly, however they are spelled', () => {
    expect(find('$.items[?@.n == 9007199254740993]')).toEqual([item(1)])
    expect(find('$.items[?@.n == 9007199254740992]')).toEqual([])
    expect(find('$.items[?@.n > 9007199254740992]')).toEqual([item(1)])
    expect(find('$.items[?@.n == $.id]')).toEqual([item(1)])
    expect(find('$.items[?@.n == 1]')).toEqual([item(0)])
    expect(find('$.items[?@.half == 0.5]')).toEqual([item(2)])
    expect(find('$.items[?@.half == 0.50e0 || @.half > 0.0]')).toEqual([item(2)])
    expect(find('$.items[?@.half < 0.05e1]')).toEqual([])
    expect(find('$[?@ == "0.5"]', '["0.5", 0.5]')).toEqual(['$[0]'])
    expect(find('$[?@ == $[0]]', '[[1,{"a":2.0}],[1.0,{"a":2}],[1,{"a":3}]]')).toEqual([
      '$[0]',
      '$[1]',
    ])
  })

  it('orders strings by code points', () => {
    expect(find('$[?@ > "\uffee"]', '["\uffed", "😀", "z"]')).toEqual(['$[1]'])
    expect(find('$[?@ < "ab"]', '["a", "abc", "ab", "aa"]')).toEqual(['$[0]', '$[3]'])
  })

  it.each([
    ['@.name =~ /^b/i', [1]],
    ['@.name =~ /p{2}/', [0]],
    ['(@["name"] =~ /x\\/y/ && @.price < 0)', [2]],
    ['@.name == "@.s =~ /x/"', []],
    ['@.tags.length == 2', [0]],
    ['@.name.length == 5', [0]],
    ['$.length == 7', [0, 1, 2]],
    ['length(@.tags) == 0', [1]],
    ['count(@.*) == 4', [0, 1, 2]],
    ['match(@.name, "a.*")', [0]],
    ['search(@.name, "an|/")', [1, 2]],
    ['search(@.name, "(")', []],
    ['starts_with(@.name, "a")', [0]],
    ['ends_with(@.name, "y")', [2]],
    ['contains(@.tags, "b")', [0]],
    ['contains(@.name, "nan")', [1]],
    ['contains(@.price, 1)', []],
    ['contains(keys(@), "s")', [2]],
    ['length(tokenize(@.s, ",")) == 3', [2]],
    ['abs(@.price) == 3', [2]],
    ['ceil(@.price) == 1', [0]],
    ['floor(@.price) == 0', [0]],
    ['floor(@.n) == 9007199254740993', [1]],
    ['to_number("12") == @.price', [1]],
    ['to_number(@.name) == to_number("none")', [0, 1, 2]],
    ['sum($.items[*].price) == 9.6', [0, 1, 2]],
    ['sum($.items[*].n) == 9007199254740994', []],
    ['sum($.items[1,1].n) == 18014398509481986', [0, 1, 2]],
    ['avg($.items[*].price) > 3.1 && avg($.items[*].price) < 3.3', [0, 1, 2]],
    ['prod($.items[1:].price) == -36', [0, 1, 2]],
    ['min($.items[*].price) == @.price', [2]],
    ['max($.items[*].n) == @.n', [1]],
    ['max($.items[*].name) == @.name', [2]],
    ['max($.items[0].tags) == "b"', [0, 1, 2]],
    ['max($.items[0].*) == 1', []],
    ['sum(@.tags) == 0', [1]],
  ])('may filter by %s', (filter, places) => {
    expect(find(`$.items[?${filter}]`)).toEqual(places.map(item))
  })

  it('does not split a character', () => {
    expect(find('$[?length(tokenize(@, "")) > 0]', '["😀x"]')).toEqual(['$[0]'])
  })

  it('replaces what it finds and changes nothing else', () => {
    expect(replaced('$.items[*].price', '1.50')).toEqual([
      3,
      shop.replace('0.6', '1.50').replace('12', '1.50').replace('-3', '1.50'),
    ])
    expect(replaced('$.nothing', '1')).toEqual([0, shop])
    expect(replaced('$', '{"a":1}')).toEqual([1, '{"a":1}'])
  })

  it('replaces the outermost of matches within each other, and counts all of them', () => {
    expect(replaced('$..*', '0', '{"a":[1,[2]],"b":{"c":3}}')).toEqual([6, '{"a":0,"b":0}'])
    expect(replaced("$['b','a']['c',1]", '0', '{"a":[1,[2]],"b":{"c":3}}')).toEqual([
      2,
      '{"a":[1,0],"b":{"c":0}}',
    ])
    expect(replaced('$..[?@ == 1 || @[0] == 1]', '0', '[[1,2],1]')).toEqual([3, '[0,0]'])
  })

  it('does not make a value too large', () => {
    const tree = parseTree(`[${'0,'.repeat(1_000)}0]`)
    const large = parseJsonText(JSON.stringify('x'.repeat(limits.jsonViewBytesMax / 1_000)))
    expect(() => compilePath('$[*]').replace(tree, large)).toThrow(JsonTreeError)
  })

  it('keeps the work within bounds', () => {
    const nested = JSON.stringify(Array(60).fill(Array(60).fill([0])))
    const text = 'a'.repeat(600_000)
    for (const [path, value] of [
      ['$..[?count($..*) > 0]', nested],
      ['$[?@ == $[0]]', `[${nested}${`,${nested.replaceAll('0', '0.0')}`.repeat(100)}]`],
      [`$..[${Array(500).fill('*').join()}]`, nested],
      ['$..*..*..*', '['.repeat(900) + ']'.repeat(900)],
      [`$[*][*][?${Array(199).fill('@.a==1').join('||')}]`, nested],
      ['$[?search($[0], $[1])]', JSON.stringify([text, '(a{1000}b?)'.repeat(30)])],
      [
        '$[?search("", @)]',
        JSON.stringify(Array.from({ length: 2_000 }, (_, index) => `${index}`)),
      ],
      ['$[?contains($[0], $[1])]', JSON.stringify([text + text, `${text}b${text}`])],
    ] as const) {
      expect(() => find(path, value), path.slice(0, 40)).toThrow(JsonPathError)
    }
    expect(() => compilePath('$[*]').find(parseTree('[1,2,3]'), new PathWork(2))).toThrow(
      JsonPathError,
    )
    expect(find('$..*..*', nested)).toHaveLength(60 * 60 * 2)
  })

  it('counts the longer of two texts that are compared', () => {
    const ones = `[${'1,'.repeat(2_000)}1]`
    const long = `1${'0'.repeat(500_000)}`
    for (const [path, value] of [
      ['$.a[?@ < $.b]', `{"b":${long},"a":${ones}}`],
      ['$.a[?@ == $.b]', `{"b":${long},"a":${ones}}`],
      ['$[?max(@) == 1]', `[${ones.replace('1', long)}]`],
      ['$.a[?@ < $.b]', `{"b":"${long}","a":${ones.replaceAll('1', '"1"')}}`],
    ] as const) {
      const search = (): unknown => compilePath(path).find(parseTree(value), new PathWork(100_000))
      expect(search, path).toThrow(JsonPathError)
    }
  })

  it('counts what compiling a path and replacing take, also if they fail', () => {
    const pattern = '(a{30}){30}'
    const work = new PathWork()
    compilePath(`$[?(@ =~ /${pattern}/)]`, work)
    expect(work.spent).toBeGreaterThan(40_000)
    const failing = new PathWork()
    expect(() => compilePath(`$[?(@ =~ /${pattern}/)]]`, failing)).toThrow(JsonPathError)
    expect(failing.spent).toBeGreaterThan(40_000)
    const replacing = new PathWork()
    const tree = parseTree('["a"]')
    compilePath(`$[?search(@, "${pattern}")]`).replace(tree, parseJsonText('1'), replacing)
    expect(replacing.spent).toBeGreaterThan(40_000)
  })

  it('finds one of very many values without a list of them', () => {
    const items = `[${'0,'.repeat(1_000_000)}1]`
    expect(find('$[-1]', items)).toEqual(['$[1000000]'])
    expect(find('$.b', `{"a":${items},"b":2}`)).toEqual(["$['b']"])
    const members = Array.from({ length: 5_000 }, (_, index) => `"n${index}":${index}`)
    expect(find('$.n4321', `{${members.join()}}`)).toEqual(["$['n4321']"])
    expect(find('$.other', `{${members.join()}}`)).toEqual([])
    expect(() => find('$[*]', items)).toThrow(JsonPathError)
  })

  it.each([
    ['(', ')'],
    ['!(', ')'],
    ['@[?', ']'],
    ['@&&', ''],
    ['@==1||', ''],
  ])('may be nested by %s as deep as its length allows', (start, end) => {
    const times = Math.floor((limits.jsonPathLengthMax - 10) / `${start}${end}`.length)
    const path = `$[?${start.repeat(times)}@${end.repeat(times)}]`
    expect(find(path, '[[[1]],{"a":1}]').length).toBeLessThanOrEqual(2)
  })
})

function find(path: string, text = shop): string[] {
  return compilePath(path)
    .find(parseTree(text))
    .map(({ location }) => location)
}

function replaced(path: string, value: string, text = shop): [number, string] {
  const tree = parseTree(text)
  return [compilePath(path).replace(tree, parseJsonText(value)), printTree(tree)]
}

function item(index: number): string {
  return `$['items'][${index}]`
}
