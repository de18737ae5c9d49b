import { type Domain, type DomainOptions, openDomain } from '../domain.ts'
import type { StorageEngine } from '../engine/engine.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { limits } from '../kernel/limits.ts'
import { TestEnvironment } from './test-environment.ts'

export interface TestDomain extends Domain {
  readonly engine: StorageEngine
  readonly environment: TestEnvironment
}

/** The real domain on `engine`, with its own clock unless an environment is given. */
export async function openTestDomain(
  engine: StorageEngine,
  options: Partial<DomainOptions> & { environment?: TestEnvironment } = {},
): Promise<TestDomain> {
  const { environment = new TestEnvironment(), ...settings } = options
  const { unnamedRetentionMs } = limits
  const domain = await openDomain(engine, environment, { unnamedRetentionMs, ...settings })
  return { ...domain, engine, environment }
}

/** Finds a store and uses it, since a store that was found may be gone. */
export async function findAndUse({ stores }: Domain, storeId: string): Promise<StoreIdentity> {
  return (await stores.find(storeId)).identity()
}

/**
 * Moves the clock by `ms` and sweeps like a running server, so that everything due by then is
 * removed.
 */
export async function sweepFor(
  { sweeper, environment }: Pick<TestDomain, 'sweeper' | 'environment'>,
  ms: number,
): Promise<void> {
  const step = Math.max(limits.sweepIntervalMs, ms / 20)
  for (let passed = 0; passed < ms; passed += step) {
    environment.advance(step)
    await sweeper.sweep()
  }
}
