// `npm run build`: checks the types, then builds the server and the client.
import { build, buildClient, checkTypes } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { fail } from './process.mjs'

await ensureInstalled()
if (!(await checkTypes()) || !(await build()) || !(await buildClient()))
  fail('the build failed; see the messages of the compiler above.')
