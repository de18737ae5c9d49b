import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonText, parseJsonText, parseUint64 } from './json-text.ts'
import { JsonTextError } from './json-text-error.ts'

describe('JSON text', () => {
  it('is parsed without losing anything', () => {
    const text = '{"tkn":3442644399356403325,"keys":[ "user", 1.50, -0, 1E5 ],"none":null}'
    const root = parseJsonText(text)
    expect([root.kind, root.text, root.size]).toEqual(['object', text, 3])
    expect([...root.members().keys()]).toEqual(['tkn', 'keys', 'none'])
    expect(member(root, 'tkn').text).toBe('3442644399356403325')
    const items = member(root, 'keys').items()
    expect(items.map((item) => [item.kind, item.text])).toEqual([
      ['string', '"user"'],
      ['number', '1.50'],
      ['number', '-0'],
      ['number', '1E5'],
    ])
    expect(items[0]?.string()).toBe('user')
    expect(member(root, 'keys').text).toBe('[ "user", 1.50, -0, 1E5 ]')
    expect(member(root, 'none').kind).toBe('null')
  })

  it('may be any value, with white space around it', () => {
    const kinds = { '0': 'number', '""': 'string', true: 'true', false: 'false', null: 'null' }
    for (const [text, kind] of Object.entries(kinds)) {
      const node = parseJsonText(` \t\r\n${text}\n `)
      expect([node.kind, node.text]).toEqual([kind, text])
    }
    expect(parseJsonText(' {\n} ').text).toBe('{\n}')
    expect(parseJsonText('[ ]').items()).toEqual([])
    expect(parseJsonText('{}').members().size).toBe(0)
  })

  it('keeps the order of members, also if their names are numbers or properties of objects', () => {
    const root = parseJsonText('{"b":1,"1":2,"__proto__":{"x":3},"constructor":4,"0":5,"":6}')
    expect([...root.members().keys()]).toEqual(['b', '1', '__proto__', 'constructor', '0', ''])
    expect(member(root, '__proto__').text).toBe('{"x":3}')
  })

  it.each([3, 2_000])('finds one of %i items or members', (count) => {
    const numbers = Array.from({ length: count }, (_, index) => index)
    const array = parseJsonText(
      `[ ${numbers.map((n) => (n % 2 ? `[${n}]` : `"${n}"`)).join(' , ')}]`,
    )
    expect(numbers.map((n) => array.item(n)?.text)).toEqual(
      numbers.map((n) => (n % 2 ? `[${n}]` : `"${n}"`)),
    )
    expect([array.item(-1), array.item(count)]).toEqual([undefined, undefined])
    const object = parseJsonText(
      `{ ${numbers.map((n) => `"\\u006e${n}" : {"x":${n}}`).join(' , ')}}`,
    )
    expect(numbers.map((n) => object.member(`n${n}`)?.text)).toEqual(
      numbers.map((n) => `{"x":${n}}`),
    )
    expect(object.member('x')).toBeUndefined()
  })

  it('decodes names', () => {
    const text = '{"\\\\":1,"\\\\a":2,"\\n":3,"\\"":4,"\\ud83d\\ude00":5,"\\u005c":6}'
    for (let time = 0; time < 3; time += 1) {
      expect([...parseJsonText(text).members().keys()]).toEqual(['\\', '\\a', '\n', '"', '😀'])
    }
  })

  it('decodes strings', () => {
    const long = 'x'.repeat(100)
    for (const string of ['', 'a', '"', '\\', '\\"', '\u0000\u001f', 'ü世😀', `${long}"\\`, long]) {
      expect(parseJsonText(JSON.stringify(string)).string()).toBe(string)
    }
    expect(parseJsonText('"\\ud83d\\ude00\\u0041\\/"').string()).toBe('😀A/')
  })

  it('may have comments wherever white space may be', () => {
    const text = '/*a*/{//b\n"a"/**/:/*"*/1/***/,//\r"b":["/*c*/",2/*]*/]}// end'
    expect(parseJsonText(text).text).toBe('{\n"a":1,\r"b":["/*c*/",2]}')
    expect(parseJsonText('[ 1, //x\n 2 ]').items()[1]?.text).toBe('2')
    expect(parseJsonText('//\n1').text).toBe('1')
    expect(parseJsonText('{"a":{"b":1},"c":/**/2}').members().get('a')?.text).toBe('{"b":1}')
  })

  it('takes the first of members with the same name, at every depth and in any spelling', () => {
    const root = parseJsonText('{"a":1,"b":{"x":1,"x":{"x":2,"x":3},"y":2},"\\u0061":[2,3],"c":4}')
    expect(root.text).toBe('{"a":1,"b":{"x":1,"y":2},"c":4}')
    expect([...root.members().keys()]).toEqual(['a', 'b', 'c'])
    expect(parseJsonText('{"\\u0061":1, "a" : 2 , "a":3}').text).toBe('{"\\u0061":1 }')
    expect(parseJsonText('[{"a":1,/*x*/"a":{"b":/*y*/1,"b":2}/*z*/}]').text).toBe('[{"a":1}]')
    const long = 'n'.repeat(60)
    expect(parseJsonText(`{"${long}":1,"${long}":2,"${long}x":3}`).size).toBe(2)
  })

  it('keeps different names apart, those with equal hashes and very many', () => {
    // All of these names have the same hash.
    const alike = ['Aa', 'BB'].flatMap((a) => ['Aa', 'BB'].map((b) => a + b))
    const many = Array.from({ length: 200 }, (_, index) => `n${index}`)
    for (const names of [alike, many]) {
      const text = `{${names.map((name) => `"${name}":1`).join()}}`
      expect([...parseJsonText(text).members().keys()]).toEqual(names)
      const twice = `{"in":${text},${text.slice(1, -1)},${text.slice(1)}`
      expect(parseJsonText(twice).text).toBe(`{"in":${text},${text.slice(1)}`)
    }
  })

  it.each([
    ['', 0],
    [' ', 1],
    ['/**/', 4],
    ['\ufeff1', 0],
    ['1 2', 2],
    ['{}}', 2],
    ['[1,]', 3],
    ['[,1]', 1],
    ['[1 2]', 3],
    ['[1', 2],
    ['[', 1],
    ['[[]', 3],
    ['[1}', 2],
    ['{"a":1,}', 7],
    ['{"a":1 "b":2}', 7],
    ['{"a" 1}', 5],
    ['{"a":}', 5],
    ['{"a"', 4],
    ['{"a":1', 6],
    ['{a:1}', 1],
    ["{'a':1}", 1],
    ['{1:1}', 1],
    ["'a'", 0],
    ['"a', 0],
    ['"', 0],
    ['"\\"', 0],
    ['"\t"', 0],
    ['"\n"', 0],
    ['{"\u0000":1}', 1],
    ['"\\x41"', 0],
    ['"\\u00g0"', 0],
    ['"\ud800"', 0],
    ['"\udc00\ud800"', 0],
    ['"\\ud800"', 0],
    ['"\\udc00\\ud800"', 0],
    ['"\ud83d\\ude00"', 0],
    ['{"\\ud800":1}', 1],
    ['01', 1],
    ['-01', 2],
    ['1.', 2],
    ['.5', 0],
    ['+1', 0],
    ['-', 1],
    ['1e', 2],
    ['1e+', 3],
    ['0x10', 1],
    ['1_000', 1],
    ['NaN', 0],
    ['Infinity', 0],
    ['-Infinity', 1],
    ['undefined', 0],
    ['tru', 0],
    ['True', 0],
    ['nullx', 4],
    ['1\u00a0', 1],
    ['\u2003[]', 0],
    ['1\u0000', 1],
    ['/', 0],
    ['/1', 0],
    ['/*', 0],
    ['1/*', 1],
    ['1/*/', 1],
    ['[1 # 2\n]', 3],
    ['[1 //]', 6],
    ['1 /* a */ */', 10],
  ])('is not %j', (text, position) => {
    expect(() => parseJsonText(text)).toThrow(JsonTextError)
    expect(() => parseJsonText(text)).toThrow(expect.objectContaining({ position }))
  })

  it('is refused if it is nested too deeply, however long it is', () => {
    const nested = (depth: number): string => '[{"a":'.repeat(depth / 2) + '}]'.repeat(depth / 2)
    const sound = nested(1_000).replace('}', '0}')
    expect(parseJsonText(sound).text).toBe(sound)
    expect(() => parseJsonText(`[${sound}]`)).toThrow(JsonTextError)
    expect(() => parseJsonText('[[[]]]', { depthMax: 2 })).toThrow(JsonTextError)
    expect(parseJsonText('[[],{}]', { depthMax: 2 }).size).toBe(2)
    expect(() => parseJsonText('['.repeat(10_000_000))).toThrow(
      expect.objectContaining({ position: 1_000 }),
    )
  })

  it('has the values that JSON.parse finds, in any spelling, with white space and comments', () => {
    fc.assert(
      fc.property(spelled, ({ dirty, clean }) => {
        const root = parseJsonText(dirty)
        expect(toValue(root)).toEqual(JSON.parse(clean))
        expectTexts(root)
        if (dirty === clean) expect(root.text).toBe(dirty.trim())
      }),
      { numRuns: 1_000 },
    )
  })

  it('is exactly what JSON.parse accepts', () => {
    const units = fc.constantFrom(...'{}[]:,"\\-+.eE019aubtrfn \t\n\u0000\ufeffü', 'true', '"a":')
    fc.assert(
      fc.property(
        spelled.map(({ clean }) => clean).filter((text) => !text.includes('/')),
        fc.array(fc.tuple(fc.nat(), fc.nat(2), units), { maxLength: 2 }),
        (text, changes) => {
          const changed = changes.reduce((before, [place, cut, unit]) => {
            const at = place % (before.length + 1)
            return before.slice(0, at) + unit + before.slice(at + cut)
          }, text)
          fc.pre(changed.isWellFormed() && !/\\ud[89a-f]/i.test(changed))
          expect(isTaken(() => parseJsonText(changed))).toBe(isTaken(() => JSON.parse(changed)))
        },
      ),
      { numRuns: 5_000 },
    )
  })
})

describe('a number of 64 bits', () => {
  it.each(['0', '7', '9007199254740993', '18446744073709551615'])('may be %s', (text) => {
    expect(parseUint64(parseJsonText(text))).toBe(BigInt(text))
  })

  // jsoncons 0.171 reads -0 as an integer.
  it('is 0 if it is -0', () => {
    expect(parseUint64(parseJsonText('-0'))).toBe(0n)
  })

  it.each([
    '-1',
    '5.0',
    '-0.0',
    '1e3',
    '18446744073709551616',
    '100000000000000000000',
    '"5"',
    'null',
    '[5]',
  ])('is not %s', (text) => {
    expect(parseUint64(parseJsonText(text))).toBeUndefined()
  })
})

interface Spelled {
  /** With comments and duplicate members. */
  readonly dirty: string
  /** The same without them. */
  readonly clean: string
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n').map(both)
const comment = fc.constantFrom('/**/', '/* " { */', '//,\n', '// x\r', '/*//*/')
const gap = fc.oneof(
  { weight: 4, arbitrary: space },
  { weight: 1, arbitrary: comment.map((dirty) => ({ dirty, clean: '' })) },
)

const character = fc.oneof(
  fc.constantFrom('a', 'b', ' ', 'ü', '世', '😀', '/', "'", '\\"', '\\\\', '\\/', '\\n', '\\u0061'),
  fc.constantFrom('\\ud83d\\ude00', '\\u0000', '[', '}', ':', ',', '\u007f', '\u2028'),
)
const string = fc.oneof(
  fc.array(character, { maxLength: 4 }).map((parts) => `"${parts.join('')}"`),
  fc.array(character, { minLength: 40, maxLength: 60 }).map((parts) => `"${parts.join('')}"`),
)
// JSON.parse of V8 14.6 (Node 26.10) mistakes names for one another once one had a backslash in it.
const name = string.filter((one) => !one.includes('\\\\'))
const digits = fc.nat().map(String)
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(digits, fc.bigInt({ min: 0n }).map(String)),
    fc.oneof(
      fc.constant(''),
      digits.map((some) => `.${some}`),
    ),
    fc.constantFrom('', '', 'e5', 'E+0', 'e-12'),
  )
  .map((parts) => parts.join(''))
const scalar = fc.oneof(string, number, fc.constantFrom('true', 'false', 'null')).map(both)

const { value: spelled } = fc.letrec<{ value: Spelled; bare: Spelled }>((tie) => ({
  value: fc.tuple(gap, tie('bare'), gap).map(joined),
  bare: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((items) => enclosed('[', items, ']')),
    fc.tuple(gap, gap).map(([a, b]) => joined([both('{'), a, b, both('}')])),
    fc.array(fc.tuple(gap, name, gap, tie('value')), { maxLength: 6 }).map(objectOf),
  ),
}))

function objectOf(members: [Spelled, string, Spelled, Spelled][]): Spelled {
  const names = new Set<string>()
  const spelledMembers = members.map(([before, name, after, value]) => {
    const whole = joined([before, both(name), after, both(':'), value])
    const decoded = JSON.parse(name)
    const isFirst = !names.has(decoded)
    names.add(decoded)
    return { ...whole, isFirst }
  })
  const dirty = spelledMembers.map((one) => one.dirty).join()
  const clean = spelledMembers.filter(({ isFirst }) => isFirst).map((one) => one.clean)
  return { dirty: `{${dirty}}`, clean: `{${clean.join()}}` }
}

function both(text: string): Spelled {
  return { dirty: text, clean: text }
}

function joined(parts: readonly Spelled[]): Spelled {
  return {
    dirty: parts.map(({ dirty }) => dirty).join(''),
    clean: parts.map(({ clean }) => clean).join(''),
  }
}

function enclosed(start: string, items: readonly Spelled[], end: string): Spelled {
  const withCommas = items.flatMap((item, index) => (index === 0 ? [item] : [both(','), item]))
  return joined([both(start), ...withCommas, both(end)])
}

function toValue(node: JsonText): unknown {
  if (node.kind === 'array') return node.items().map(toValue)
  if (node.kind === 'string') return node.string()
  if (node.kind !== 'object') return JSON.parse(node.text)
  return Object.fromEntries([...node.members()].map(([name, child]) => [name, toValue(child)]))
}

function expectTexts(node: JsonText): void {
  expect(JSON.parse(node.text)).toEqual(toValue(node))
  const children = node.kind === 'object' ? [...node.members().values()] : []
  const all = node.kind === 'array' ? node.items() : children
  expect(node.size).toBe(all.length)
  for (const child of all) expectTexts(child)
}

function isTaken(parse: () => unknown): boolean {
  try {
    parse()
    return true
  } catch (error) {
    if (error instanceof JsonTextError || error instanceof SyntaxError) return false
    throw error
  }
}

function member(node: JsonText, name: string): JsonText {
  const found = node.members().get(name)
  if (!found) throw new Error(`There is no ${name}.`)
  return found
}
