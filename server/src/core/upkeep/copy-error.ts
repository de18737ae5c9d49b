/**
 * Why a copy failed:
 * - `no-source`: there is nothing to copy.
 * - `source-damaged`: some entries of the source can't be read.
 * - `source-moved`: the source changed during the copy.
 * - `target-occupied`: the target holds other data, which is never overwritten.
 * - `other-copy`: the target holds an incomplete copy of other data, or of an earlier state of the
 *   source.
 * - `differs`: the target does not hold the data that was written.
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
