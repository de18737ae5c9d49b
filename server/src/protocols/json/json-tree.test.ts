import { describe, expect, it } from 'vitest'
import { limits } from '../../core/kernel/limits.ts'
import { parseJsonText } from './json-text.ts'
import { JsonTextError } from './json-text-error.ts'
import { JsonTree, JsonTreeError, parseTree, printTree } from './json-tree.ts'

describe('a JSON tree', () => {
  it('prints the text that it was made of', () => {
    const text = '{"b":9007199254740993,"1":[1.0,1e5,-0],"\\u0061":"\\u0062\\/","n":0.10}'
    expect(printTree(parseTree(text))).toBe(text)
    expect(printTree(parseTree(`/**/${text.replace('}', ',"b":1}')}`))).toBe(text)
  })

  it('keeps the spelling of everything that is not replaced', () => {
    const tree = parseTree('{"b":9007199254740993,"1":[1.0,1e5,-0],"\\u0061":"\\u0062\\/"}')
    const items = tree.root.members().get('1')?.items() ?? []
    tree.replace([...items.slice(0, 1), ...items.slice(2)], parseJsonText('{"x":2.50}'))
    expect(printTree(tree)).toBe(
      '{"b":9007199254740993,"1":[{"x":2.50},1e5,{"x":2.50}],"\\u0061":"\\u0062\\/"}',
    )
    tree.replace([...tree.root.members().values()].slice(0, 1), parseJsonText('1'))
    expect(tree.root.members().get('b')?.text).toBe('1')
  })

  it('may be a part of other JSON, which does not change with it', () => {
    const whole = parseJsonText('[ 0, [ 1, 2 ], 3 ]')
    const part = whole.items()[1]
    if (!part) throw new Error('There is no such item.')
    const tree = new JsonTree(part)
    tree.replace(tree.root.items().slice(1), parseJsonText(' "two" '))
    expect([printTree(tree), whole.text]).toEqual(['[ 1, "two" ]', '[ 0, [ 1, 2 ], 3 ]'])
  })

  it('may be replaced as a whole', () => {
    const tree = parseTree('[1]')
    tree.replace([tree.root], parseJsonText('2.0'))
    expect(printTree(tree)).toBe('2.0')
  })

  it('does not become too large or too deep', () => {
    const tree = parseTree(`[${'0,'.repeat(1_000)}0]`)
    const large = parseJsonText(JSON.stringify('x'.repeat(limits.jsonViewBytesMax / 1_000)))
    expect(() => tree.replace(tree.root.items(), large)).toThrow(JsonTreeError)
    const deep = parseJsonText('['.repeat(1_000) + ']'.repeat(1_000))
    expect(() => tree.replace(tree.root.items().slice(0, 1), deep)).toThrow(JsonTextError)
    expect(tree.root.size).toBe(1_001)
  })
})
