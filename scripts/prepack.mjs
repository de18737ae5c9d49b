// Runs before npm packs the server: builds its dist again, and copies the files that npm takes only
// from the package's own folder.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './process.mjs'
import './build.mjs'

for (const name of ['LICENSE', 'README.md']) {
  copyFileSync(join(ROOT, name), join(ROOT, 'server', name))
}
