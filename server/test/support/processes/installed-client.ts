import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const run = promisify(execFile)

/** Each Node that programs with the client run on. */
export const clientNodes = [
  ['the Node of the project', process.execPath],
  ['the oldest Node that is supported', join(root, 'server/test/node_modules/node-22/bin/node')],
] as const

/** A folder of programs that use `coatcheck-client`, which is in its `node_modules`. */
export class InstalledClient {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Builds the client from its sources into a new folder. */
  static async create(): Promise<InstalledClient> {
    const client = new InstalledClient(mkdtempSync(join(tmpdir(), 'coatcheck-client-')))
    mkdirSync(client.path(), { recursive: true })
    cpSync(join(root, 'client/package.json'), client.path('package.json'))
    const settings = join(root, 'client/tsconfig.build.json')
    await compile(['-p', settings, '--outDir', client.path('dist')])
    return client
  }

  /** The path of a file of the client. */
  path(name = ''): string {
    return join(this.#folder, 'node_modules/coatcheck-client', name)
  }

  run(node: string, program: string): Promise<{ stdout: string; stderr: string }> {
    const script = join(this.#folder, 'program.mjs')
    writeFileSync(script, program)
    return run(node, [script])
  }

  /** Checks the types of programs, by the names of their files; returns the compiler's errors. */
  async typeErrors(programs: Readonly<Record<string, string>>): Promise<string[]> {
    const files = Object.keys(programs).map((name) => join(this.#folder, name))
    for (const file of files) writeFileSync(file, programs[basename(file)] ?? '')
    const language = ['--target', 'es2024', '--module', 'nodenext', '--lib', 'es2024,dom']
    const checked = compile(['--ignoreConfig', '--noEmit', '--strict', ...language, ...files])
    const stdout = await checked.then(
      () => '',
      (error: { readonly stdout: string }) => error.stdout,
    )
    return stdout.match(/[^/\n]*: error TS\d+/g) ?? []
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }
}

async function compile(args: readonly string[]): Promise<void> {
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...args])
}
