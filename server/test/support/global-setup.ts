import { rm } from 'node:fs/promises'
import type { TestProject } from 'vitest/node'
import { ensureBuilt } from '../../../scripts/compile.mjs'
import { PostgresServer, quickSettings } from './postgres/postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The PostgreSQL that all test files share; '' and a reason where it could not start. */
    readonly postgres: { readonly url: string; readonly error: string }
  }
}

/** Tests of power loss start a PostgreSQL of their own, with `fsync`. */
const settings = { ...quickSettings, max_connections: '300' }

let newCluster: string | undefined
let postgres: PostgresServer | undefined

/**
 * Runs once, before all test files: builds what the tests start as processes of their own, and
 * starts one PostgreSQL. Each test that needs a database creates its own in it.
 */
export async function setup(project: TestProject): Promise<void> {
  // Commands that tests start would run from an older build.
  if (!(await ensureBuilt())) throw new Error('The build failed; the compiler said why above.')
  try {
    newCluster = await PostgresServer.shareNewCluster()
    postgres = await PostgresServer.start({ settings })
    project.provide('postgres', { url: postgres.url, error: '' })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    project.provide('postgres', { url: '', error: reason })
  }
}

export async function teardown(): Promise<void> {
  await postgres?.cleanUp()
  if (newCluster) await rm(newCluster, { recursive: true })
  const { TMPDIR } = process.env
  if (TMPDIR?.includes('coatcheck-tests-')) await rm(TMPDIR, { recursive: true, force: true })
}
