/** The text is not JSON. */
export class JsonTextError extends Error {
  /** What is wrong there, without a full stop. */
  readonly claim: string
  /** Where in the text, in UTF-16 units from 0. For an invalid string, where it begins. */
  readonly position: number

  constructor(claim: string, position: number) {
    super(`${claim} at position ${position}.`)
    this.name = 'JsonTextError'
    this.claim = claim
    this.position = position
  }
}

/** A string of the text has half a character: a surrogate without its other half. */
export class HalfCharacterError extends JsonTextError {
  constructor(position: number) {
    super('Invalid Unicode in the string', position)
  }
}
