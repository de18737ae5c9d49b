import { expect, it } from 'vitest'
import { TestEnvironment } from '../testing/test-environment.ts'
import { settle } from '../testing/times.ts'
import { Background } from './background.ts'

it('is idle once all work has ended, including work that was started meanwhile', async () => {
  const background = new Background(new TestEnvironment())
  const ended: string[] = []
  const second = async (): Promise<void> => {
    await settle()
    ended.push('second')
  }
  const first = async (): Promise<void> => {
    await settle()
    background.start('second', second())
    ended.push('first')
  }
  background.start('first', first())
  await background.idle()
  expect(ended).toEqual(['first', 'second'])
})

it('logs a failure and continues', async () => {
  const environment = new TestEnvironment()
  const background = new Background(environment)
  const failure = new Error('mine')
  background.start('failing', Promise.reject(failure))
  await background.idle()
  expect(environment.errors).toEqual([failure])
})
