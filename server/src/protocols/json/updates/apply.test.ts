import { describe, expect, it } from 'vitest'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { parseJsonText } from '../json-text.ts'
import { applyUpdate } from './apply.ts'
import { readOperations } from './json-patch.ts'
import { readUpdate } from './update.ts'

function update(before: string | undefined, text: string): string {
  return applyUpdate(readUpdate(parseJsonText(text)), before)
}

function merge(before: string | undefined, patch: string): string {
  return applyUpdate({ op: 'merge', patch: parseJsonText(patch) }, before)
}

function patch(before: string, operations: unknown): string {
  const json = parseJsonText(JSON.stringify(operations))
  return applyUpdate({ op: 'patch', operations: readOperations(json) }, before)
}

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'none'
  } catch (error) {
    if (error instanceof StorageError) return error.code
    throw error
  }
}

describe('an increment', () => {
  it.each([
    [undefined, '1', '1'],
    ['0', '-1', '-1'],
    ['9007199254740993', '1', '9007199254740994'],
    ['18446744073709551615', '18446744073709551615', '36893488147419103230'],
    ['0.1', '0.2', '0.3'],
    ['1.50', '0', '1.5'],
    ['-0.5', '0.25', '-0.25'],
    ['1e3', '1', '1001'],
    ['1E-2', '1', '1.01'],
    ['-0', '0', '0'],
    [' 7 ', '1', '8'],
  ])('of %s by %s makes %s', (before, by, after) => {
    expect(update(before, `{"op":"increment","by":${by}}`)).toBe(after)
  })

  it('is by 1 unless it says otherwise', () => {
    expect(update('41', '{"op":"increment"}')).toBe('42')
  })

  it.each(['"5"', '[1]', '{}', 'null', 'true', `"${'x'.repeat(4_000_000)}"`])(
    'of %.20s is refused',
    (before) => {
      expect(codeOf(() => update(before, '{"op":"increment"}'))).toBe('wrong-value-type')
    },
  )

  it.each([
    ['1.7976931348623157e308', '1e308'],
    ['1', '1e400'],
    ['1e-5000', '1'],
    ['1', '1e999999999999'],
    ['9'.repeat(999), '1'],
  ])('beyond the numbers of JSON readers is refused: %.20s by %s', (before, by) => {
    const code = codeOf(() => update(before, `{"op":"increment","by":${by}}`))
    expect(code).toBe('number-out-of-range')
  })

  it('of doubles that are exact integers is that of BigInt', () => {
    for (let at = 0; at < 1_000; at += 1) {
      const [a, b] = [BigInt(at) * 7_919n ** 8n, BigInt(-at) * 104_729n ** 5n]
      expect(update(`${a}`, `{"op":"increment","by":${b}}`)).toBe(`${a + b}`)
    }
  })
})

describe('max and min', () => {
  it.each([
    ['max', undefined, '5', '5'],
    ['max', '4', '5', '5'],
    ['max', '5', '4', '5'],
    ['max', '9007199254740993', '9007199254740992', '9007199254740993'],
    ['min', '5', '4', '4'],
    ['min', '-1', '4', '-1'],
  ])('%s of %s and %s is %s', (op, before, value, after) => {
    expect(update(before, `{"op":"${op}","value":${value}}`)).toBe(after)
  })

  it('of a text is refused', () => {
    expect(codeOf(() => update('"a"', '{"op":"max","value":1}'))).toBe('wrong-value-type')
  })
})

describe('append', () => {
  it.each([
    [undefined, '', '["x"]'],
    ['[]', '', '["x"]'],
    ['[1, 2]', '', '[1, 2,"x"]'],
    ['[1, [2,3], 4]', ',"keepLast":2', '[4,"x"]'],
    [' [9007199254740993 , 4] ', ',"keepLast":3', '[9007199254740993 , 4,"x"]'],
    ['[1,2,3]', ',"keepLast":1', '["x"]'],
  ])('to %s%s makes %s', (before, more, after) => {
    expect(update(before, `{"op":"append","item":"x"${more}}`)).toBe(after)
  })

  it('to anything but a list is refused', () => {
    expect(codeOf(() => update('{"a":1}', '{"op":"append","item":1}'))).toBe('wrong-value-type')
  })
})

describe('a merge patch', () => {
  // RFC 7396, appendix A.
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('of %s with %s makes %s', (before, change, after) => {
    expect(merge(before, change)).toBe(after)
  })

  it('of nothing makes what is in the patch', () => {
    expect(merge(undefined, '{"a":1,"b":null}')).toBe('{"a":1}')
  })

  it('keeps the spelling of everything that it does not change', () => {
    const before = '{"id":9007199254740993,"x":1.50,"__proto__":{"deep":[1e2]},"y":1}'
    const after = '{"id":9007199254740993,"x":1.50,"__proto__":{"deep":[1e2]},"y":2}'
    expect(merge(before, '{"y":2}')).toBe(after)
  })
})

describe('a JSON Patch', () => {
  // RFC 6902, appendix A.
  it.each([
    [
      'A.1',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz', value: 'qux' }],
      { foo: 'bar', baz: 'qux' },
    ],
    [
      'A.2',
      { foo: ['bar', 'baz'] },
      [{ op: 'add', path: '/foo/1', value: 'qux' }],
      { foo: ['bar', 'qux', 'baz'] },
    ],
    ['A.3', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [
      'A.4',
      { foo: ['bar', 'qux', 'baz'] },
      [{ op: 'remove', path: '/foo/1' }],
      { foo: ['bar', 'baz'] },
    ],
    [
      'A.5',
      { baz: 'qux', foo: 'bar' },
      [{ op: 'replace', path: '/baz', value: 'boo' }],
      { baz: 'boo', foo: 'bar' },
    ],
    [
      'A.6',
      { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
      [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
      { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
    ],
    [
      'A.7',
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    [
      'A.8',
      { baz: 'qux', foo: ['a', 2, 'c'] },
      [
        { op: 'test', path: '/baz', value: 'qux' },
        { op: 'test', path: '/foo/1', value: 2 },
      ],
      { baz: 'qux', foo: ['a', 2, 'c'] },
    ],
    [
      'A.10',
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { grandchild: {} } }],
      { foo: 'bar', child: { grandchild: {} } },
    ],
    [
      'A.11',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
      { foo: 'bar', baz: 'qux' },
    ],
    ['A.14', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [
      'A.16',
      { foo: ['bar'] },
      [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
      { foo: ['bar', ['abc', 'def']] },
    ],
  ])('does as RFC 6902, %s', (_, before, operations, after) => {
    expect(JSON.parse(patch(JSON.stringify(before), operations))).toEqual(after)
  })

  it.each([
    ['A.9', { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }]],
    ['A.12', { foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }]],
    ['A.15', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }]],
    ['a missing member', { a: 1 }, [{ op: 'replace', path: '/b', value: 1 }]],
    ['an index with a zero in front', [1, 2], [{ op: 'test', path: '/01', value: 2 }]],
    ['an index behind the end', [1], [{ op: 'add', path: '/2', value: 2 }]],
    ['a move into itself', { a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/b' }]],
    ['the removal of everything', { a: 1 }, [{ op: 'remove', path: '' }]],
    ['a path into a number', { a: 1 }, [{ op: 'add', path: '/a/b', value: 1 }]],
    ['__proto__', {}, [{ op: 'test', path: '/__proto__', value: {} }]],
  ])('is refused as RFC 6902 says, %s', (_, before, operations) => {
    expect(codeOf(() => patch(JSON.stringify(before), operations))).toBe('patch-failed')
  })

  it.each([
    [{ op: 'add', path: '/a', value: 1 }],
    [[{ op: 'jump', path: '/a' }]],
    [[{ op: 'add', path: 'a', value: 1 }]],
    [[{ op: 'add', path: '/a~2', value: 1 }]],
    [[{ op: 'add', path: '/a' }]],
    [[{ op: 'copy', path: '/a' }]],
    [[1]],
  ])('that is malformed is refused: %j', (operations) => {
    expect(codeOf(() => patch('{}', operations))).toBe('update-invalid')
  })

  it('compares exactly: numbers by value, members in any order', () => {
    const before = '{"n":9007199254740993,"m":{"a":1.0,"b":"x"}}'
    const json = (value: string): string =>
      `[{"op":"test","path":"/n","value":${value}},{"op":"test","path":"/m","value":{"b":"\\u0078","a":1}}]`
    const run = (value: string): string => {
      const operations = readOperations(parseJsonText(json(value)))
      return applyUpdate({ op: 'patch', operations }, before)
    }
    expect(run('9007199254740993')).toBe(before)
    expect(codeOf(() => run('9007199254740992'))).toBe('patch-failed')
  })

  it('copies a value, and changes of the copy leave the original alone', () => {
    const operations = [
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/b/x', value: 2 },
      { op: 'copy', from: '/b', path: '/c' },
      { op: 'remove', path: '/c/x' },
    ]
    expect(patch('{"a":{"n":1}}', operations)).toBe('{"a":{"n":1},"b":{"n":1,"x":2},"c":{"n":1}}')
  })

  it('replaces everything', () => {
    expect(patch('[1]', [{ op: 'add', path: '', value: { a: 1 } }])).toBe('{"a":1}')
  })

  it('does nothing without end: copies of copies are refused', () => {
    const doubles = Array.from({ length: 999 }, (_, at) => ({
      op: 'copy',
      from: '',
      path: `/${at}`,
    }))
    const text = JSON.stringify({ text: 'x'.repeat(100_000) })
    const codes = [10, 20, 999].map((count) => codeOf(() => patch(text, doubles.slice(0, count))))
    expect(codes.filter((code) => !['value-too-large', 'too-many'].includes(code))).toEqual([])
    const wide = JSON.stringify(Array.from({ length: 400_000 }, () => 0))
    const insert = { op: 'add', path: '/0', value: 1 }
    expect(codeOf(() => patch(wide, Array(1_000).fill(insert)))).toBe('too-many')
    const many = Array(limits.patchOperationsMax + 1).fill({ op: 'test', path: '', value: 1 })
    expect(codeOf(() => patch('1', many))).toBe('too-many')
  })

  it('that makes a value too deep is refused', () => {
    const nest = [
      { op: 'add', path: '', value: JSON.parse('['.repeat(900) + ']'.repeat(900)) },
      { op: 'copy', from: '', path: `${'/0'.repeat(899)}/0` },
    ]
    expect(codeOf(() => patch('1', nest))).toBe('update-invalid')
  })
})

describe('an update', () => {
  it.each([
    '1',
    '{}',
    '{"op":"jump"}',
    '{"op":"increment","by":"1"}',
    '{"op":"increment","step":1}',
    '{"op":"max"}',
    '{"op":"append"}',
    '{"op":"append","item":1,"keepLast":0}',
    '{"op":"append","item":1,"keepLast":1.5}',
    '{"op":"append","item":1,"keepLast":1e9}',
    '{"op":"constructor"}',
  ])('that is malformed is refused: %s', (text) => {
    expect(codeOf(() => update('1', text))).toBe('update-invalid')
  })
})
