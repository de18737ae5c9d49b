/**
 * Prints to the page's console as App Lab does, with the line of code that the message is about.
 */
export const pageConsole = {
  warn(message: string, line: number | undefined): void {
    console.warn(`WARNING: ${at(line)}${message}`)
  },
  error(message: string, line: number | undefined): void {
    console.error(`ERROR: ${at(line)}${message}`)
  },
}

function at(line: number | undefined): string {
  return line === undefined ? '' : `Line: ${line}: `
}
