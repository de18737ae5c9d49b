import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { limits } from '../src/core/kernel/limits.ts'

const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8')
/** The first two cells of each row that names a bound of the code. */
const rows = [...page.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)].map(([, name = '', value = '']) => ({
  name,
  value,
}))

it('the page of limits names every bound once, and no other', () => {
  const named = rows.map(({ name }) => name)
  expect(named.toSorted()).toEqual(Object.keys(limits).toSorted())
})

it('the page of limits gives each bound its value', () => {
  const values = new Map<string, number>(Object.entries(limits))
  const wrong = rows.filter(({ name, value }) => value !== spelled(name, values.get(name) ?? 0))
  expect(wrong).toEqual([])
})

/** A value as people read it: the unit ends the name of the bound. */
function spelled(name: string, value: number): string {
  const units = /Bytes/.test(name) ? sizes : /Ms(Max|Min)?$/.test(name) ? times : []
  const unit = units.find(({ each }) => value % each === 0)
  if (!unit) return value.toLocaleString('en')
  const count = value / unit.each
  return `${count.toLocaleString('en')} ${count === 1 ? (unit.one ?? unit.name) : unit.name}`
}

const sizes = [
  { each: 1_048_576, name: 'MiB' },
  { each: 1_024, name: 'KiB' },
  { each: 1, name: 'bytes', one: 'byte' },
]
const times = [
  { each: 86_400_000, name: 'days', one: 'day' },
  { each: 3_600_000, name: 'h' },
  { each: 60_000, name: 'min' },
  { each: 1_000, name: 's' },
  { each: 1, name: 'ms' },
]
