// Runs before npm packs the server: builds its dist again, and copies the licence, which npm takes
// only from the package's own folder. The package's README is its own: server/README.md.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './process.mjs'
import './build.mjs'

copyFileSync(join(ROOT, 'LICENSE'), join(ROOT, 'server', 'LICENSE'))
