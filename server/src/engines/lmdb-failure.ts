import { statfsSync } from 'node:fs'
import { constants } from 'node:os'

/** Why a group failed: lmdb's own error is empty and has a promise that rejects with the reason. */
export async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  const [reason] = await Promise.allSettled([error.commitError])
  return reason?.status === 'rejected' ? reason.reason : error
}

/**
 * Whether the disk of `folder` is full. LMDB calls a write that ended half-way EIO, which is how a
 * disk fills up in the middle of one.
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
