import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../config.ts'
import { type CheckReport, check } from '../core/check.ts'
import { DataFolder } from '../data-folder.ts'
import { openEngine } from '../engines/open.ts'
import { StartError } from '../server.ts'
import { ProgressBar } from './progress-bar.ts'

/** `coatcheck check`: walks the data of a folder that nobody serves. 0: sound, 1: not. */
export async function checkCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const config = readConfig(args, environment)
  if (config.engine === 'memory') throw new StartError('The memory engine keeps nothing to check.')
  const path = join(config.data, 'lmdb')
  if (!existsSync(path)) throw new StartError(`There is no data in ${config.data}.`)
  const folder = await DataFolder.open(config.data)
  const engine = openEngine(config.engine, path)
  const bar = new ProgressBar(process.stderr, 'Checking')
  try {
    const report = await check(engine, { onProgress: (done, total) => bar.show(done, total) })
    bar.end()
    return print(report)
  } finally {
    bar.end()
    await engine.close()
    folder.close()
  }
}

function print({ stores, records, bytes, problems, problemCount }: CheckReport): number {
  const what = `${stores} stores, ${records} records, ${bytes} bytes`
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  if (problemCount > problems.length) process.stdout.write('... and more\n')
  const result = problemCount === 0 ? 'everything is sound' : `${problemCount} problems`
  process.stdout.write(`${what}: ${result}\n`)
  return problemCount === 0 ? 0 : 1
}
