/** A session in a dump, as NemesisDB writes it. */
export interface DumpedSession {
  readonly token: bigint
  readonly isShared: boolean
  /** In seconds; 0: for ever. */
  readonly duration: number
  readonly deleteSession: boolean
}

/** Where dumps lie. No name leads out of it. */
export interface Dumps {
  /** Throws DumpError. */
  create(name: string, about: DumpDescription): Promise<DumpWriter>
  /**
   * The newest complete dump of that name among those that are `readable`, which is told the id of
   * the user who saved it, or undefined; undefined: there is none. Throws DumpError.
   */
  open(name: string, readable: Readable): Promise<DumpReader | undefined>
}

export interface DumpDescription {
  /** All sessions are saved, not only some. */
  readonly isWhole: boolean
  /** The id of the user whose they are. */
  readonly userId: string
}

export type Readable = (userId: string | undefined) => Promise<boolean>

export interface DumpWriter {
  /** What comes behind belongs to this session, or (undefined) to none. Throws DumpError. */
  begin(session: DumpedSession | undefined): Promise<void>
  /** `value` is JSON text. Throws DumpError. */
  add(key: string, value: string): Promise<void>
  /** It is complete, and on disk. Throws DumpError. */
  finish(): Promise<void>
  /** It can't be loaded. */
  abandon(): Promise<void>
}

/** One session of a dump, or what was saved without one, with its values as JSON text. */
export interface DumpedValues {
  readonly session: DumpedSession | undefined
  readonly values: ReadonlyMap<string, string>
}

export interface DumpReader {
  /** Throws DumpError where the dump is broken. */
  read(): AsyncGenerator<DumpedValues>
}

/** The dump can't be written or read; the message is a sentence. */
export class DumpError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DumpError'
  }
}

/** What the system refuses is the user's to know. */
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

/** Without the path, which is nobody's business. */
export function messageOf(error: unknown): string {
  return String(codeOf(error) ?? 'an unknown failure')
}
