import { statfsSync } from 'node:fs'
import { constants } from 'node:os'

/**
 * The reason why a transaction failed. lmdb's own error is empty: its `commitError` is a promise
 * that rejects with the reason.
 */
export async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  const [reason] = await Promise.allSettled([error.commitError])
  return reason?.status === 'rejected' ? reason.reason : error
}

/** Node's error codes for a full disk or quota. */
const fullCodes: readonly unknown[] = ['ENOSPC', 'EDQUOT']

/** Whether a write through `node:fs` failed because the disk is full. */
export function foundNoRoom(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && fullCodes.includes(cause.code)
}

/**
 * Whether lmdb failed because the disk of `folder` is full. If the disk fills up in the middle of a
 * write, LMDB reports EIO: then the free space decides.
 */
export function isFull(
  cause: unknown,
  { folder, pageBytes }: { folder: string; pageBytes: number },
): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === constants.errno.ENOSPC || code === constants.errno.EDQUOT) return true
  if (code !== constants.errno.EIO) return false
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize < pageBytes
  } catch {
    // The disk can't be read at all, so it is not merely full.
    return false
  }
}
