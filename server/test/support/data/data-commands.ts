import { type Finished, runInProcess } from '../processes/command.ts'
import { type OwnServer, startOwnServer } from '../processes/own-server.ts'
import { ServerProcess } from '../processes/server-process.ts'
import { createTestFolder } from './test-folder.ts'

/** What answers the commands of a test. */
export type Place = 'a running server' | 'a folder that nobody serves'
export const places: readonly Place[] = ['a running server', 'a folder that nobody serves']
/**
 * For a long suite of commands: one without a server does more, and `cli-stores` shows that both
 * print the same. `npm run test:long` tries both.
 */
export const longSuitePlaces: readonly Place[] =
  process.env.COATCHECK_PLACES === 'all' ? places : ['a folder that nobody serves']

/** `coatcheck user|token|store|audit` on the data of one folder. */
export class DataCommands {
  readonly data: string
  readonly #env: Readonly<Record<string, string>>

  constructor(data: string, env: Readonly<Record<string, string>> = {}) {
    this.data = data
    this.#env = env
  }

  /** Runs a command to its end; its exit code may be any. */
  run(...words: readonly string[]): Promise<Finished> {
    return runInProcess({ args: words, env: { COATCHECK_DATA: this.data, ...this.#env } })
  }

  /** The stdout of a command that must succeed. */
  async out(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...words)
    if (code !== 0) throw new Error(`coatcheck ${words.join(' ')} ended with ${code}: ${stderr}`)
    return stdout
  }

  /** The cells of each line that a command prints for programs. */
  async rows(...words: readonly string[]): Promise<string[][]> {
    const lines = (await this.out(...words)).split('\n').slice(0, -1)
    return lines.map((line) => line.split('\t'))
  }

  /** The JSON of the API for a command. */
  async json(...words: readonly string[]) {
    const end = words.includes('--') ? words.indexOf('--') : words.length
    return JSON.parse(await this.out(...words.toSpliced(end, 0, '--json')))
  }
}

/** A folder with a first user, with or without a server that runs until the test ends. */
export async function openPlace(
  place: Place,
  options: { env?: Readonly<Record<string, string>> } = {},
): Promise<{ commands: DataCommands; server: OwnServer }> {
  const data = createTestFolder()
  const server = await startOwnServer({ data, ...options })
  if (place === 'a folder that nobody serves') await server.stop()
  return { commands: new DataCommands(data, options.env), server }
}

/** As `openPlace`, with a server in a process of its own. */
export async function openServedFolder(): Promise<{
  commands: DataCommands
  server: ServerProcess
}> {
  const server = await ServerProcess.start({ data: createTestFolder() })
  return { commands: new DataCommands(server.data), server }
}
