/**
 * The name of the program's script in traces. Lines of other scripts in the frame mean nothing to
 * the student.
 */
export const programName = 'program.js'

/**
 * Runs the program as a script of the page: it may declare what it likes, and its lines are those
 * of the editor. A program that awaits something outside of all functions runs as the body of one.
 */
export function runProgram(code: string): void {
  if (!/\bawait\b/.test(code) || isBodyOf(Function, code)) runScript(code, {})
  else if (isBodyOf(AsyncFunction, code)) runScript(`(async () => {${code}\n})()`, {})
  // There is a mistake in it. Browsers name its line as they name those of scripts, and know the
  // `await` of modules.
  else runScript(code, { type: 'module' })
}

/** The number of the last line that is not blank. */
export function lastLineOf(code: string): number {
  return code.trimEnd().split('\n').length
}

const AsyncFunction = (async () => undefined).constructor as FunctionConstructor

/** Does not run the code. */
function isBodyOf(kind: FunctionConstructor, code: string): boolean {
  try {
    new kind(code)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

function runScript(code: string, { type = '' }: { type?: string }): void {
  const script = document.createElement('script')
  script.type = type
  script.textContent = `${code}\n//# sourceURL=${programName}`
  document.body.append(script)
}
