import { reasonOf } from '../../core/kernel/errors.ts'

/** The folder can't be used; the message is a sentence for the terminal. */
export class DataFolderError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DataFolderError'
  }
}

/** Another process has the folder open. */
export class FolderInUseError extends DataFolderError {}

/** The error for the user when the system refuses to read the folder, or else to write there. */
export function unusable(
  path: string,
  error: unknown,
  { isRead = false }: { readonly isRead?: boolean } = {},
): DataFolderError {
  const code = codeOf(error)
  const denied = isRead ? 'this user may not read it' : 'this user may not write there'
  const reason = denials.includes(code) ? denied : (reasons[code] ?? reasonOf(error))
  return new DataFolderError(`The data folder ${path} can't be used: ${reason}.`)
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

const denials: readonly string[] = ['EACCES', 'EPERM', 'ERR_SQLITE_ERROR']

const reasons: Readonly<Record<string, string>> = {
  EROFS: 'it is on a read-only disk',
  // The folder above exists, and yet no folder can be made in it, as in `/proc`.
  ENOENT: 'no folder can be made there',
  ENOTDIR: 'part of that path is a file',
  EEXIST: 'that path is a file',
  ENOSPC: 'the disk is full',
}
