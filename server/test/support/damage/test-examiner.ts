import { afterAll } from 'vitest'
import { Examiner } from './examiner.ts'

/** One examiner for all tests of a `describe`. Its process starts with the first examination. */
export function useExaminer(): Examiner {
  const examiner = new Examiner()
  afterAll(() => examiner.close())
  return examiner
}
