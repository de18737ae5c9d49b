import { setImmediate as nextTurn } from 'node:timers/promises'
import { openFormat } from '../../../src/core/disk/format.ts'
import { otherOwner, owner } from '../../../src/core/testing/callers.ts'
import { patternBytes } from '../../../src/core/testing/pattern-bytes.ts'
import { bytesRecord, textRecord } from '../../../src/core/testing/records.ts'
import { openTestDomain, type TestDomain } from '../../../src/core/testing/test-domain.ts'
import { TestEnvironment } from '../../../src/core/testing/test-environment.ts'
import { openEngine } from '../../../src/engines/open.ts'

// A process that fills a folder as a server does. It stops in order and starts again, and then is
// killed or stops in order: `kill` leaves commits in the journal.
const [, , folder = '', end] = process.argv

const first = await open(1)
const named = await first.stores.create({ ownerId: owner, name: 'coats' })
const other = await first.stores.create({ ownerId: otherOwner, name: undefined })
await first.users.createFirst('token')
for (let index = 0; index < 40; index += 1) {
  await named.put(textRecord(`text-${index}`, 'a text '.repeat(index * 8)))
  await other.put(bytesRecord(`bytes-${index}`, patternBytes(index * 30, index)))
}
await named.put(bytesRecord('long', patternBytes(20_000)))
await close(first)

const second = await open(2)
const store = await second.stores.find(named.id)
for (let index = 0; index < 40; index += 3) {
  await store.put(textRecord(`text-${index}`, `a newer text ${index} `.repeat(9)))
  await store.delete(`text-${index + 1}`)
  await store.put(textRecord(`new-${index}`, 'new'))
}
await store.put(bytesRecord('long', patternBytes(9_000, 7)))
await nextTurn()
if (end === 'kill') process.kill(process.pid, 'SIGKILL')
await close(second)

async function open(seed: number): Promise<TestDomain> {
  const engine = await openEngine({ name: 'lmdb', folder })
  const environment = new TestEnvironment(seed)
  await openFormat(engine, environment)
  return openTestDomain(engine, { environment })
}

async function close(domain: TestDomain): Promise<void> {
  await domain.close()
  await domain.engine.close()
}
