import { statfsSync } from 'node:fs'
import { constants } from 'node:os'

/** Why a group failed: lmdb's own error is empty and has a promise that rejects with the reason. */
export async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  const [reason] = await Promise.allSettled([error.commitError])
  return reason?.status === 'rejected' ? reason.reason : error
}

/** The names that Node has for a disk that is full. */
const fullCodes: readonly unknown[] = ['ENOSPC', 'EDQUOT']

/** Whether a write of Node's own found no room. */
export function foundNoRoom(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && fullCodes.includes(cause.code)
}

/**
 * Whether the disk of `folder` is full, as lmdb tells it. LMDB calls a write that ended half-way
 * EIO, which is how a disk fills up in the middle of one.
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
    // The disk is gone altogether.
    return false
  }
}
