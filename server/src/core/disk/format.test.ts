import { expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { formatVersion, openFormat } from './format.ts'
import { formatKey } from './keyspace.ts'

async function engineOfFormat(description: unknown): Promise<MemoryEngine> {
  const engine = new MemoryEngine()
  const value = Buffer.from(JSON.stringify(description))
  await engine.commit({ puts: [{ key: formatKey, value }] })
  return engine
}

it('is written into an empty engine, with the time', async () => {
  const engine = new MemoryEngine()
  const environment = new TestEnvironment()
  await openFormat(engine, environment)
  const [entry] = await engine.get([formatKey])
  const written = JSON.parse(Buffer.from(entry?.value ?? []).toString())
  expect(written).toEqual({ version: formatVersion, createdAt: environment.now() })
})

it('stays as it was when the data is opened again', async () => {
  const engine = new MemoryEngine()
  const environment = new TestEnvironment()
  await openFormat(engine, environment)
  const before = await engine.get([formatKey])
  environment.advance(1)
  await openFormat(engine, environment)
  expect(await engine.get([formatKey])).toEqual(before)
})

it('is refused if a newer Coatcheck wrote it, and nothing is written', async () => {
  const engine = await engineOfFormat({ version: formatVersion + 1 })
  expect(await codeOf(openTestDomain(engine))).toBe('storage-unavailable')
  expect(await engine.newerThan(-1, new AbortController().signal)).toBe(1)
})

it('is refused if a newer Coatcheck writes it at the same moment', async () => {
  const memory = new MemoryEngine()
  const engine = new HurtEngine(memory)
  const value = Buffer.from(JSON.stringify({ version: formatVersion + 1 }))
  engine.beforeCommit = () => memory.commit({ puts: [{ key: formatKey, value }] })
  expect(await codeOf(openTestDomain(engine))).toBe('storage-unavailable')
})

it('is refused if it has no known version', async () => {
  for (const description of [{}, { version: 'new' }, { version: null }]) {
    const engine = await engineOfFormat(description)
    expect(await codeOf(openTestDomain(engine))).toBe('storage-unavailable')
  }
})

it('is written once when several servers start at the same time', async () => {
  const engine = new MemoryEngine()
  const environments = [1, 2, 3].map((seed) => new TestEnvironment(seed))
  await Promise.all(environments.map((environment) => openFormat(engine, environment)))
  expect(await engine.newerThan(-1, new AbortController().signal)).toBe(1)
})
