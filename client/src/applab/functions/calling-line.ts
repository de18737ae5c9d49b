/**
 * The line of code that called our function `called`, counted from 1; undefined if the browser does
 * not tell. In an HTML page, lines count from the beginning of the page.
 */
export function callingLine(called: (...args: never[]) => unknown): number | undefined {
  const trace: { stack?: string } = {}
  // Firefox has it since version 138. The trace leaves out `called` and all functions that it
  // calls.
  const { captureStackTrace }: WithStackTraces = Object(Error)
  captureStackTrace?.(trace, called)
  return lineOf(trace.stack ?? '')
}

interface WithStackTraces {
  captureStackTrace?(target: object, above: unknown): void
}

/** The line in the first entry that has one, however the browser writes entries. */
export function lineOf(stack: string): number | undefined {
  const line = /:(\d+):\d+\)?$/m.exec(stack)?.[1]
  return line === undefined ? undefined : Number(line)
}
