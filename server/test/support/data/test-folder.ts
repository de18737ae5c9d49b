import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** An empty folder, deleted when the test ends. */
export function createTestFolder(): string {
  return createFolderIn(tmpdir())
}

/** The same on a real disk, for tests of crashes, syncs and speed (see vitest.config.ts). */
export function createDiskFolder(): string {
  return createFolderIn(process.env.COATCHECK_TEST_DISK ?? tmpdir())
}

function createFolderIn(place: string): string {
  const folder = mkdtempSync(join(place, 'coatcheck-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
