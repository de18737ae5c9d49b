import { expect, it } from 'vitest'
import { limits } from '../../../core/kernel/limits.ts'
import { compilePath, PathWork } from '../../json/path/json-path.ts'
import { AnyText, TextAtPath } from './matcher.ts'

it('a search by a path ends while there is enough left for a whole value', () => {
  const work = new PathWork()
  const paths = { at: compilePath('$', work), below: compilePath('$..*', work), work }
  const matcher = new TextAtPath('x', paths)
  const spend = (count: number): void => work.run((steps) => steps.count(count))
  expect(matcher.isWorkDone).toBe(false)
  spend(limits.jsonPathCommandStepsMax - 2 * limits.jsonPathStepsMax - work.spent)
  expect(matcher.isWorkDone).toBe(false)
  spend(1)
  expect(matcher.isWorkDone).toBe(true)
  expect(matcher.find('["x"]')).toEqual({ place: '$[0]', excerpt: 'x' })
})

it('an excerpt is short, however long the value is', () => {
  const found = new AnyText('needle').find(`${'a'.repeat(1_000)}needle${'b'.repeat(1_000)}`)
  expect(found?.excerpt).toBe(`${'a'.repeat(40)}needle${'b'.repeat(80)}`)
})
