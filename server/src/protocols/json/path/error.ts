/** A JSONPath is invalid, or its search takes too much work. The message is a sentence. */
export class JsonPathError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'JsonPathError'
  }
}
