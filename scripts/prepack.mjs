// Runs before npm packs the server: its dist is built anew, and what npm takes only from the
// package's own folder is laid beside it.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './process.mjs'
import './build.mjs'

for (const name of ['LICENSE', 'README.md']) {
  copyFileSync(join(ROOT, name), join(ROOT, 'server', name))
}
