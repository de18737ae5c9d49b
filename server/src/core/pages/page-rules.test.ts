import { describe, expect, it } from 'vitest'
import {
  isSameRule,
  needsValueBefore,
  type PageValue,
  type PageWrite,
  refusalOf,
  ruleFor,
} from './page-rules.ts'
import { type PagePreset, type PageRule, pagePresets } from './project.ts'

const ann = 'ann-ann-ann-ann-ann-12'
const ben = 'ben_ben_ben_ben_ben_34'
const absent: PageValue = { kind: 'absent' }
const notJson: PageValue = { kind: 'not-json' }

function json(value: unknown): PageValue {
  return { kind: 'json', text: JSON.stringify(value) }
}

function spelled(text: string): PageValue {
  return { kind: 'json', text }
}

function write(about: Partial<PageWrite>): PageWrite {
  return { key: 'k', userId: ann, before: absent, next: json(1), ...about }
}

function allows(preset: PagePreset, before: PageValue, next: PageValue): boolean {
  return refusalOf({ prefix: '', preset }, write({ before, next })) === undefined
}

describe('the rule for a key', () => {
  const rules: readonly PageRule[] = [
    { prefix: '', preset: 'read-only' },
    { prefix: 'score/best', preset: 'only-raise' },
    { prefix: 'score/', preset: 'append-only' },
    { key: 'score/best/of all', preset: 'write-once' },
    { prefix: 'score/best/of all', preset: 'anything' },
  ]

  it.each([
    ['other', 'read-only'],
    ['', 'read-only'],
    ['Score/', 'read-only'],
    ['score/', 'append-only'],
    ['score/bes', 'append-only'],
    ['score/best', 'only-raise'],
    ['score/best/1', 'only-raise'],
    ['score/best/of all', 'write-once'],
    ['score/best/of all 2', 'anything'],
  ])('is the one of the key itself, else of the longest prefix: %j', (key, preset) => {
    expect(ruleFor(rules, key).preset).toBe(preset)
    expect(ruleFor(rules.toReversed(), key).preset).toBe(preset)
  })

  it('is "anything" if no rule applies to the key', () => {
    expect(ruleFor([], 'k').preset).toBe('anything')
    expect(ruleFor([{ key: 'other', preset: 'read-only' }], 'k').preset).toBe('anything')
    expect(ruleFor([{ prefix: '__proto__', preset: 'read-only' }], 'toString').preset).toBe(
      'anything',
    )
  })

  it('counts {me} in a prefix as long as a user id', () => {
    const own: PageRule = { prefix: 'of/{me}', preset: 'own-keys-only' }
    const longer: PageRule = { prefix: 'of/ann-ann-ann', preset: 'read-only' }
    expect(ruleFor([own, longer], `of/${ann}`)).toBe(own)
    expect(ruleFor([longer, own], `of/${ann}`)).toBe(own)
    expect(ruleFor([own, longer], 'of/ann-ann-ann!')).toBe(longer)
  })

  it('reads {me} as a user id only in own-keys-only rules', () => {
    const rules: PageRule[] = [{ prefix: 'of/{me}', preset: 'read-only' }]
    expect(ruleFor(rules, `of/${ann}`).preset).toBe('anything')
    expect(ruleFor(rules, 'of/{me}/1').preset).toBe('read-only')
  })
})

describe('a preset', () => {
  it('"anything" refuses nothing', () => {
    for (const before of [absent, notJson, json(1)]) {
      for (const next of [absent, json('x')]) expect(allows('anything', before, next)).toBe(true)
    }
  })

  it('"read only" refuses every write', () => {
    for (const before of [absent, notJson, json(1)]) {
      for (const next of [absent, json(1)]) expect(allows('read-only', before, next)).toBe(false)
    }
  })

  it('"write once" lets a key be created, but never be changed or deleted', () => {
    expect(allows('write-once', absent, json(1))).toBe(true)
    expect(allows('write-once', absent, absent)).toBe(true)
    for (const before of [json(1), json(null), json(false), json(''), notJson]) {
      expect(allows('write-once', before, json(1))).toBe(false)
      expect(allows('write-once', before, absent)).toBe(false)
    }
  })

  it.each<[before: unknown, next: unknown, isAllowed: boolean]>([
    ['ab', 'abc', true],
    ['ab', 'ab', true],
    ['', 'x', true],
    ['ab', 'aB', false],
    ['ab', 'a', false],
    ['ab', ['ab', 'c'], false],
    ['1', 12, false],
    [[1], [1, 2], true],
    [[], [0], true],
    [[{ a: 1, b: 2 }], [{ b: 2, a: 1 }, 3], true],
    [[1, 2], [1], false],
    [[1, 2], [2, 1, 3], false],
    [[1], [1.5, 1], false],
    [[1], '1,2', false],
    [[1], { 0: 1, 1: 2 }, false],
    [{ a: 1 }, { a: 1, b: 2 }, true],
    [{}, { a: 1 }, true],
    [{ a: [1, { c: null }] }, { b: 1, a: [1, { c: null }] }, true],
    [{ a: 1 }, { a: 2, b: 2 }, false],
    [{ a: 1 }, { b: 2 }, false],
    [{ a: { b: 1 } }, { a: { b: 1, c: 2 } }, false],
    [{ a: 1 }, [1], false],
    [5, 6, false],
    [null, 'x', false],
    [true, [true], false],
  ])('"append only" of %j and then %j', (before, next, isAllowed) => {
    expect(allows('append-only', json(before), json(next))).toBe(isAllowed)
  })

  it('"append only" lets a key be created, but never be deleted', () => {
    expect(allows('append-only', absent, json(5))).toBe(true)
    expect(allows('append-only', absent, absent)).toBe(true)
    expect(allows('append-only', json('x'), absent)).toBe(false)
    expect(allows('append-only', notJson, json('x'))).toBe(false)
  })

  it('"append only" is not misled by names that all objects have', () => {
    const before = JSON.parse('{"__proto__":{"a":1},"constructor":2}')
    const same = JSON.parse('{"constructor":2,"__proto__":{"a":1},"new":3}')
    expect(allows('append-only', json(before), json(same))).toBe(true)
    expect(allows('append-only', json(before), json({ new: 3 }))).toBe(false)
    const other = JSON.parse('{"constructor":2,"__proto__":{"a":2},"new":3}')
    expect(allows('append-only', json(before), json(other))).toBe(false)
  })

  it('"append only" refuses values that are nested deeper than any door accepts', () => {
    const deep = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`
    const grows = (depth: number): boolean =>
      allows('append-only', spelled(`[${deep(depth)}]`), spelled(`[${deep(depth)},2]`))
    expect(grows(500)).toBe(true)
    expect(grows(50_000)).toBe(false)
  })

  it.each<[before: unknown, next: unknown, isAllowed: boolean]>([
    [5, 6, true],
    [5, 5, true],
    [-1.5, -1.25, true],
    [5, 4.999, false],
    [5, '6', false],
    ['5', 6, false],
    [5, null, false],
    [5, [6], false],
    [null, 1, false],
    [5, Number.POSITIVE_INFINITY, false],
  ])('"only raise" of %j and then %j', (before, next, isAllowed) => {
    expect(allows('only-raise', json(before), json(next))).toBe(isAllowed)
  })

  // 2^53 + 1 and 2^53 are one double, so `JSON.parse` makes the same number of both.
  it.each([
    ['9007199254740993', '9007199254740992', false],
    ['9007199254740992', '9007199254740993', true],
    ['9007199254740993', '9007199254740993.0', true],
    ['-9007199254740992', '-9007199254740993', false],
    ['0.10000000000000000001', '0.1', false],
    ['1e16', '10000000000000001', true],
    ['10000000000000001', '1e16', false],
    ['1e-400', '0', false],
    ['-0', '0', true],
  ])('"only raise" compares numbers exactly: %s and then %s', (before, next, isAllowed) => {
    expect(allows('only-raise', spelled(before), spelled(next))).toBe(isAllowed)
  })

  it.each([
    ['[9007199254740993]', '[9007199254740992,1]', false],
    ['[9007199254740993]', '[9007199254740993,1]', true],
    ['{"id":9007199254740993}', '{"id":9007199254740992,"b":1}', false],
    ['[1.0,"1"]', '[1,"1",2]', true],
    ['["1"]', '[1,2]', false],
    ['["n1"]', '[1,2]', false],
    ['"1"', '"12"', true],
    ['"a\\"1"', '"a\\"12"', true],
    ['{"1":1e400}', '{"1":2e400,"b":1}', false],
  ])('"append only" compares numbers exactly: %s and then %s', (before, next, isAllowed) => {
    expect(allows('append-only', spelled(before), spelled(next))).toBe(isAllowed)
  })

  it('"only raise" begins with any finite number, and the key is never deleted', () => {
    expect(allows('only-raise', absent, json(-3))).toBe(true)
    expect(allows('only-raise', absent, json('3'))).toBe(false)
    expect(allows('only-raise', absent, spelled('1e999'))).toBe(false)
    expect(allows('only-raise', absent, absent)).toBe(true)
    expect(allows('only-raise', json(3), absent)).toBe(false)
    expect(allows('only-raise', notJson, json(3))).toBe(false)
  })

  it('needs the value before only for some presets', () => {
    const needing = pagePresets.filter((preset) => needsValueBefore({ prefix: '', preset }))
    expect(needing).toEqual(['write-once', 'append-only', 'only-raise'])
  })

  it('is the reason of its refusals', () => {
    for (const preset of pagePresets.filter((one) => one !== 'anything')) {
      const about = write({ before: json('b'), next: json('a'), userId: undefined })
      expect(refusalOf({ prefix: '', preset }, about)).toBe(preset)
    }
  })
})

describe('"own keys only"', () => {
  function owns(rule: Omit<PageRule, 'preset'>, key: string, userId: string | undefined): boolean {
    const rules: PageRule[] = [{ ...rule, preset: 'own-keys-only' }]
    const found = ruleFor(rules, key)
    expect(found.preset).toBe('own-keys-only')
    return refusalOf(found, write({ key, userId })) === undefined
  }

  it('allows the prefix followed by the id, and the keys below it', () => {
    const rule = { prefix: 'of/' }
    expect(owns(rule, `of/${ann}`, ann)).toBe(true)
    expect(owns(rule, `of/${ann}/score`, ann)).toBe(true)
    expect(owns(rule, `of/${ann}/`, ann)).toBe(true)
    expect(owns(rule, `of/${ann}score`, ann)).toBe(false)
    expect(owns(rule, `of/${ben}`, ann)).toBe(false)
    expect(owns(rule, `of/${ben}/${ann}`, ann)).toBe(false)
    expect(owns(rule, 'of/', ann)).toBe(false)
    expect(owns(rule, 'of/everybody', ann)).toBe(false)
  })

  it('refuses callers without an id', () => {
    expect(owns({ prefix: 'of/' }, 'of/undefined', undefined)).toBe(false)
    expect(owns({ prefix: '' }, ann, undefined)).toBe(false)
    expect(owns({ prefix: '' }, ann, ann)).toBe(true)
  })

  it('may have the id anywhere', () => {
    const rule = { prefix: 'score/{me}.(' }
    expect(owns(rule, `score/${ann}.(1`, ann)).toBe(true)
    expect(owns(rule, `score/${ann}.(`, ann)).toBe(true)
    expect(owns(rule, `score/${ben}.(1`, ann)).toBe(false)
    expect(owns({ key: '{me}' }, ann, ann)).toBe(true)
    expect(owns({ key: 'a{me}z' }, `a${ben}z`, ann)).toBe(false)
    expect(owns({ prefix: '{me}+{me}' }, `${ann}+${ann}!`, ann)).toBe(true)
    expect(owns({ prefix: '{me}+{me}' }, `${ann}+${ben}!`, ann)).toBe(false)
  })

  it("does not apply to keys that can't belong to a user", () => {
    const rules: PageRule[] = [{ prefix: 'score/{me}/', preset: 'own-keys-only' }]
    for (const key of [
      'score/',
      'score/all/',
      `score/${ann}`,
      `score/${ann}x/`,
      `Xscore/${ann}/`,
    ]) {
      expect(ruleFor(rules, key).preset, key).toBe('anything')
    }
    const whole: PageRule[] = [{ key: 'score/{me}', preset: 'own-keys-only' }]
    expect(ruleFor(whole, `score/${ann}/1`).preset).toBe('anything')
  })

  it('for one key without {me} refuses everybody', () => {
    expect(owns({ key: 'k' }, 'k', ann)).toBe(false)
  })
})

describe('whether two rules are the same', () => {
  it('depends on the preset and on the key or prefix', () => {
    const rule: PageRule = { prefix: 'a', preset: 'read-only' }
    expect(isSameRule(rule, { prefix: 'a', preset: 'read-only' })).toBe(true)
    expect(isSameRule(rule, { prefix: 'b', preset: 'read-only' })).toBe(false)
    expect(isSameRule(rule, { key: 'a', preset: 'read-only' })).toBe(false)
    expect(isSameRule(rule, { prefix: 'a', preset: 'write-once' })).toBe(false)
  })
})
