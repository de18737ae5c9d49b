/** A session in a dump, as NemesisDB writes it. */
export interface DumpedSession {
  readonly token: bigint
  readonly isShared: boolean
  /** In seconds; 0: for ever. */
  readonly duration: number
  readonly deleteSession: boolean
}

/** The place where dumps are stored. No dump name leads out of it. */
export interface Dumps {
  /** Throws DumpError. */
  create(name: string, about: DumpDescription): Promise<DumpWriter>
  /**
   * The newest complete dump of that name for which `readable` answers true; undefined: there is
   * none. `readable` gets the id of the user who saved the dump, or undefined if the dump names
   * no user. Throws DumpError.
   */
  open(name: string, readable: Readable): Promise<DumpReader | undefined>
}

export interface DumpDescription {
  /** All sessions are saved, not only some. */
  readonly isWhole: boolean
  /** The id of the user whose sessions these are. */
  readonly userId: string
}

export type Readable = (userId: string | undefined) => Promise<boolean>

export interface DumpWriter {
  /** Begins a session; undefined: begins values without a session. Throws DumpError. */
  begin(session: DumpedSession | undefined): Promise<void>
  /** Adds a value to what was begun last. `value` is JSON text. Throws DumpError. */
  add(key: string, value: string): Promise<void>
  /** Completes the dump and syncs it to the disk. Throws DumpError. */
  finish(): Promise<void>
  /** Marks the dump as failed, so that it can't be loaded. Throws DumpError. */
  abandon(): Promise<void>
}

/** The values of one session, or values that were saved without a session. As JSON text. */
export interface DumpedValues {
  readonly session: DumpedSession | undefined
  readonly values: ReadonlyMap<string, string>
}

export interface DumpReader {
  /** Throws DumpError if the dump is broken. */
  read(): AsyncGenerator<DumpedValues>
}

/** The dump can't be written or read; the message is a sentence. */
export class DumpError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DumpError'
  }
}

/** Runs work on files. Throws errors of the file system as DumpError: the user should see them. */
export async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DumpError) throw error
    throw new DumpError(`The dump's files can't be used: ${messageOf(error)}.`, error)
  }
}

export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** The error's code alone: its message would show paths of the server to clients. */
export function messageOf(error: unknown): string {
  return String(codeOf(error) ?? 'an unknown failure')
}
