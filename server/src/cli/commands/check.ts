import type { CheckReport } from '../../core/upkeep/check.ts'
import { readConfig } from '../../installation/config.ts'
import { checkData } from '../../installation/opened-data.ts'
import { ProgressBar } from '../terminal/progress-bar.ts'

/** `coatcheck check`: reads all data, and writes nothing. 0: sound, 1: not. */
export async function checkCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const config = readConfig(args, environment)
  for (const warning of config.warnings) note(warning)
  const bar = new ProgressBar(process.stderr, 'Checking')
  const onProgress = (done: number, total: number): void => bar.show(done, total)
  const report = await checkData(config, { onProgress }).finally(() => bar.end())
  return print(report)
}

function note(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}

function print({ stores, records, bytes, problems, problemCount, notes }: CheckReport): number {
  const what = `${stores} stores, ${records} records, ${bytes} bytes`
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  for (const sentence of notes) process.stdout.write(`${sentence}\n`)
  if (problemCount > problems.length) process.stdout.write('... and more\n')
  const result = problemCount === 0 ? 'everything is sound' : `${problemCount} problems`
  process.stdout.write(`${what}: ${result}\n`)
  return problemCount === 0 ? 0 : 1
}
