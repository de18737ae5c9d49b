import type { ProgramConsole } from './program-console.ts'
import { programName } from './program-script.ts'
import { shown } from './shown-text.ts'

/**
 * Prints errors that the program did not catch in its console, with the line, as App Lab does.
 * Browsers report a missing end behind the end: then the line is the last one, `lastLine`.
 */
export function reportErrors(programConsole: ProgramConsole, lastLine: number): void {
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
  function report(message: string, line: number | undefined): void {
    const at = line ? `Line: ${Math.min(line, lastLine)}: ` : ''
    programConsole.print('error', `ERROR: ${at}${plain(message)}`)
  }
}

/**
 * Removes what the browser puts in front: that nobody caught the error, and how the script was
 * added.
 */
function plain(message: string): string {
  return (
    message
      .replace(/^Uncaught (\(in promise\) )?/, '')
      .replace(/Failed to execute '\w+' on '\w+': /, '')
      // What V8 says of `await` in a function that is not async, if it may be used outside of all.
      .replace(
        /Unexpected reserved word/,
        'await is only valid in async functions, or outside of all',
      )
  )
}

function lineIn(stack: string | undefined): number | undefined {
  const line = /program\.js:(\d+)/.exec(stack ?? '')?.[1]
  return line === undefined ? undefined : Number(line)
}
