/**
 * Why a copy was not made:
 * - `no-source`: there is nothing to copy.
 * - `source-damaged`: entries of it can't be read.
 * - `source-moved`: somebody writes to it.
 * - `target-occupied`: other data is there, which is never overwritten.
 * - `other-copy`: half a copy of something else, or of an earlier state, is there.
 * - `differs`: what was written is not what is read.
 */
export type CopyFailure =
  | 'no-source'
  | 'source-damaged'
  | 'source-moved'
  | 'target-occupied'
  | 'other-copy'
  | 'differs'

/** The message is a sentence for the terminal. */
export class CopyError extends Error {
  readonly failure: CopyFailure

  constructor(failure: CopyFailure, message: string) {
    super(message)
    this.name = 'CopyError'
    this.failure = failure
  }
}
