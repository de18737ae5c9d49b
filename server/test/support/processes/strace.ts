import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A system call of a traced process. Times are line numbers of the log. */
export interface SystemCall {
  readonly name: string
  /** As strace writes them: `23</data/data.mdb>, "...", 8192, 0`. */
  readonly args: string
  /** What it returned; -1 for an error. */
  readonly result: number
  readonly beganAt: number
  readonly endedAt: number
}

/**
 * The words that run a command under strace, which follows all its threads. Installs strace if it
 * is missing and this user may install it; otherwise throws a sentence that says what to do.
 */
export function straceWords(options: readonly string[]): string[] {
  if (!isTried) tryOut()
  isTried = true
  return ['strace', '-f', ...options]
}

let isTried = false

function tryOut(): void {
  if (!isInstalled()) install()
  const trial = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'], { encoding: 'utf8' })
  if (trial.status !== 0) {
    const how = 'in a container, start it with --cap-add=SYS_PTRACE'
    throw new Error(`strace may not trace processes here (${how}): ${trial.stderr.trim()}`)
  }
}

/** The calls of a log that `strace -f` wrote, in the order in which they ended. */
export function readSystemCalls(logFile: string): SystemCall[] {
  const begun = new Map<string, { text: string; beganAt: number }>()
  const calls: SystemCall[] = []
  for (const [at, line] of readFileSync(logFile, 'latin1').split('\n').entries()) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const unfinished = text.indexOf(' <unfinished ...>')
    if (unfinished >= 0) {
      begun.set(thread, { text: text.slice(0, unfinished), beganAt: at })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)
    const beginning = resumed ? begun.get(thread) : undefined
    const whole = `${beginning?.text ?? ''}${resumed ? resumed[1] : text}`
    const call = /^(\w+)\((.*)\) += (-?\d+)/.exec(whole)
    if (!call) continue
    const [, name = '', args = '', result] = call
    calls.push({
      name,
      args,
      result: Number(result),
      beganAt: beginning?.beganAt ?? at,
      endedAt: at,
    })
  }
  return calls
}

function isInstalled(): boolean {
  return spawnSync('strace', ['--version']).status === 0
}

function install(): void {
  const advice = 'This test needs strace: install it with `apt-get install strace`.'
  if (process.getuid?.() !== 0) throw new Error(advice)
  try {
    execFileSync('apt-get', ['install', '-y', 'strace'], { stdio: 'pipe' })
  } catch (error) {
    throw new Error(advice, { cause: error })
  }
}
