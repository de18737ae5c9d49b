/**
 * The line of code that called this function of ours, counted from 1; undefined where the browser
 * does not tell. Of a script within an HTML page, lines count from the page's beginning.
 */
export function callingLine(called: (...args: never[]) => unknown): number | undefined {
  const trace: { stack?: string } = {}
  // Firefox has it since version 138. It leaves out what is ours: `called` and what that calls.
  const { captureStackTrace }: Partial<typeof Error> = Error
  captureStackTrace?.(trace, called)
  return lineOf(trace.stack ?? '')
}

/** The line of the first entry that names one, however the browser writes entries. */
export function lineOf(stack: string): number | undefined {
  const line = /:(\d+):\d+\)?$/m.exec(stack)?.[1]
  return line === undefined ? undefined : Number(line)
}
