// `npm run build`: checks the types, then builds the server and the client.
import { build, buildClient, compile } from './compile.mjs'
import { ensureInstalled } from './install.mjs'
import { fail } from './process.mjs'

await ensureInstalled()
const isSound = (await compile(['--noEmit'])) === 0
if (!isSound || !(await build()) || !(await buildClient()))
  fail('the build failed; see the messages of the compiler above.')
