import type { Awaitable } from '../kernel/awaitable.ts'
import { type ErrorCode, StorageError } from '../kernel/errors.ts'

/** Work that may throw synchronously, as a promise. */
export async function promised<T>(work: () => Awaitable<T>): Promise<T> {
  return work()
}

/** The code of the StorageError that `work` rejects with; 'none' if it resolves. */
export async function codeOf(work: unknown): Promise<ErrorCode | 'none'> {
  try {
    await work
    return 'none'
  } catch (error) {
    if (error instanceof StorageError) return error.code
    throw error
  }
}

/** The code of the StorageError that `work` throws; 'none' if it throws nothing. */
export function refusalOf(work: () => void): ErrorCode | 'none' {
  try {
    work()
    return 'none'
  } catch (error) {
    if (error instanceof StorageError) return error.code
    throw error
  }
}
