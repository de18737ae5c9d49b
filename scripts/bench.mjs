import { join } from 'node:path'
import { ensureBuilt } from './compile.mjs'
import { ensureInstalled, nodeBinary } from './install.mjs'
import { fail, run, toolEnv } from './process.mjs'

await ensureInstalled()
if (!(await ensureBuilt())) fail('the build failed; see the messages of the compiler above.')
const args = ['--expose-gc', join('bench', 'main.ts'), ...process.argv.slice(2)]
process.exitCode = await run(nodeBinary(), args, { env: toolEnv() })
