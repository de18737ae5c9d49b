import { execFile } from 'node:child_process'
import { appendFileSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'

interface BaseBackup {
  /** Of the server that runs. */
  readonly from: { readonly url: string; readonly dataFolder: string }
  /** Follows that server once it is started. */
  readonly to: string
  /** Who copies, and owns the copy. */
  readonly user: { readonly uid?: number; readonly gid?: number }
}

/**
 * A base backup without `pg_basebackup`, which packages of PostgreSQL for npm leave out.
 * https://www.postgresql.org/docs/15/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
 */
export async function copyRunning({ from, to, user }: BaseBackup): Promise<void> {
  const client = new Client({ connectionString: from.url })
  await client.connect()
  try {
    await client.query("select pg_backup_start('standby', true)")
    await copy(`${from.dataFolder}/.`, { to, user })
    const { rows } = await client.query('select labelfile from pg_backup_stop(false)')
    // Once more, since what came last belongs to the backup.
    await copy(join(from.dataFolder, 'pg_wal'), { to, user })
    writeOwn(join(to, 'backup_label'), rows[0]?.labelfile, user)
    writeOwn(join(to, 'standby.signal'), '', user)
    appendFileSync(join(to, 'postgresql.auto.conf'), `primary_conninfo = '${from.url}'\n`)
    await promisify(execFile)('rm', ['-f', join(to, 'postmaster.pid'), join(to, 'postmaster.opts')])
  } finally {
    await client.end()
  }
}

function writeOwn(file: string, text: string, { uid, gid }: BaseBackup['user']): void {
  writeFileSync(file, text, { mode: 0o600 })
  if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid)
}

/** Of a server that runs, files go while they are copied: none of these belongs to a backup. */
async function copy(what: string, { to, user }: Pick<BaseBackup, 'to' | 'user'>): Promise<void> {
  const options = { ...user, cwd: to, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
  try {
    await promisify(execFile)('cp', ['-R', '-p', what, to], options)
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    const areGone = said.split('\n').every((line) => line.endsWith(': No such file or directory'))
    if (!areGone) throw error
  }
}
