import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longest, the longest first: started last, each would run on alone. */
const heaviest: readonly string[] = [
  'server/test/disk-full.test.ts',
  'server/test/torture/power-loss.test.ts',
  'server/test/refused-start.test.ts',
  'server/test/cli-copy.test.ts',
  'server/test/protocols/applab/play-program.test.ts',
  'server/test/protocols/applab/play-table.test.ts',
  'server/test/protocols/applab/play.test.ts',
  'server/test/readme.test.ts',
  'server/test/failover.test.ts',
  'server/test/start.test.ts',
  'server/test/emptied-disk.test.ts',
  'server/test/torture/bit-flips.test.ts',
  'server/test/torture/failing-calls.test.ts',
  'server/test/doors.test.ts',
  'server/test/servers.test.ts',
  'server/test/cli-usage.test.ts',
  'server/test/postgres-server.test.ts',
  'server/test/operations.test.ts',
  // Checks types, which takes a moment once the check beside the tests has ended.
  'server/test/package.test.ts',
  'server/test/local-server.test.ts',
  'server/test/protocols/applab/play-undo.test.ts',
  'server/test/authorization.test.ts',
  'server/test/simulation.test.ts',
  'server/test/read-only.test.ts',
  'server/test/secrets.test.ts',
  'server/test/hostile/nemesis.test.ts',
  'server/test/wrong-clock.test.ts',
  'server/test/clients/applab-page.test.ts',
  'server/test/crash.test.ts',
  'server/test/protocols/applab/play-sharing.test.ts',
]

/** Sorts test files as Vitest does, but the heaviest first: on a fresh clone it knows no times. */
export class HeavyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = heaviest.findIndex((path) => moduleId.endsWith(path))
      return place < 0 ? heaviest.length : place
    }
    return (await super.sort(files)).toSorted((one, other) => placeOf(one) - placeOf(other))
  }
}
