import type { ProgramConsole } from './program-console.ts'
import { shown } from './shown-text.ts'

/**
 * The name of the program's script. Lines of other scripts in the frame mean nothing to the
 * student.
 */
const programName = 'program.js'
/** Functions that wait for an answer of the user. A frame such as this one may not call them. */
const dialogs = ['alert', 'confirm', 'prompt']

/** Prints errors that the program did not catch in its console, with the line, as App Lab does. */
export function reportErrors(programConsole: ProgramConsole): void {
  addEventListener('error', ({ message, lineno, error, filename }) => {
    const isOfProgram = filename === programName || !(error instanceof Error)
    const line = isOfProgram || error instanceof SyntaxError ? lineno : lineIn(error.stack)
    // A thrown value need not be an error. Of other objects, browsers say only that they are
    // objects.
    const isThing = typeof error === 'object' && error !== null && !(error instanceof Error)
    report(isThing ? shown(error) : message, line)
  })
  addEventListener('unhandledrejection', ({ reason }) => {
    const isError = reason instanceof Error
    const message = isError ? shown(reason) : `A promise failed: ${shown(reason)}`
    report(message, isError ? lineIn(reason.stack) : undefined)
  })
  for (const name of dialogs) {
    const refuse = (): void =>
      console.warn(`WARNING: ${name}() does nothing here: use console.log().`)
    Object.assign(window, { [name]: refuse })
  }

  function report(message: string, line: number | undefined): void {
    const at = line ? `Line: ${line}: ` : ''
    programConsole.print('error', `ERROR: ${at}${plain(message)}`)
  }
}

/**
 * Removes what the browser puts in front: that nobody caught the error, and how the script was
 * added.
 */
function plain(message: string): string {
  return message
    .replace(/^Uncaught (\(in promise\) )?/, '')
    .replace(/Failed to execute '\w+' on '\w+': /, '')
}

function lineIn(stack: string | undefined): number | undefined {
  const line = /program\.js:(\d+)/.exec(stack ?? '')?.[1]
  return line === undefined ? undefined : Number(line)
}
