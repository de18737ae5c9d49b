import type { ProgramConsole } from './program-console.ts'
import { shown } from './shown-text.ts'

/** Of a script of the frame that is not the program, lines say nothing to who wrote the program. */
const programName = 'program.js'
/** What waits for an answer of people: a frame such as this one may not. */
const dialogs = ['alert', 'confirm', 'prompt']

/** Says in the program's console what the program did not catch, with the line as App Lab does. */
export function reportErrors(programConsole: ProgramConsole): void {
  addEventListener('error', ({ message, lineno, error, filename }) => {
    const isOfProgram = filename === programName || !(error instanceof Error)
    const line = isOfProgram || error instanceof SyntaxError ? lineno : lineIn(error.stack)
    // What is thrown need not be an error, and then browsers say no more than that it is an object.
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

/** Without what the browser puts in front: that nobody caught it, and how the script came here. */
function plain(message: string): string {
  return message
    .replace(/^Uncaught (\(in promise\) )?/, '')
    .replace(/Failed to execute '\w+' on '\w+': /, '')
}

function lineIn(stack: string | undefined): number | undefined {
  const line = /program\.js:(\d+)/.exec(stack ?? '')?.[1]
  return line === undefined ? undefined : Number(line)
}
