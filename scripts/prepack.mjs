// Runs before npm packs the server: its dist is built anew, and the licence, which npm takes only
// from the package's own folder, is laid beside it.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './process.mjs'
import './build.mjs'

copyFileSync(join(ROOT, 'LICENSE'), join(ROOT, 'server', 'LICENSE'))
