/** A JSONPath that is none, or one that asks for more than is done. The message is a sentence. */
export class JsonPathError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'JsonPathError'
  }
}
