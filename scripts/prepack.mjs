// Runs before npm packs a workspace (`server` or `client`): builds its dist again, and copies the
// licence, which npm takes only from the package's own folder. Each package has its own README.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './process.mjs'
import './build.mjs'

const [workspace = 'server'] = process.argv.slice(2)
copyFileSync(join(ROOT, 'LICENSE'), join(ROOT, workspace, 'LICENSE'))
