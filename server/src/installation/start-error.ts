/** The server can't start; the message is a sentence for the terminal. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StartError'
  }
}

export function noData(folder: string): StartError {
  return new StartError(`There is no data in ${folder}.`)
}
