import { build, buildClient } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { fail } from './process.mjs'

await ensureInstalled()
if (!(await build()) || !(await buildClient()))
  fail('the build failed; see the messages of the compiler above.')
