import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { Answered } from '../../support/network/remote.ts'
import { startTestServer, type TestServer, wireEngines } from '../../support/network/test-server.ts'
import { ApplabProject, type Carrier } from '../../support/pages/applab-project.ts'

interface Step {
  readonly do: 'http' | 'configure'
  readonly maxKvps?: number
  readonly method?: string
  readonly action?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly as?: 'anonymous'
  readonly expectStatus?: number
  readonly expectStatusIn?: readonly number[]
  readonly expectJson?: unknown
  readonly expectJsonContains?: object
  readonly expectJsonFieldMatches?: Readonly<Record<string, readonly string[]>>
}

interface Vector {
  readonly name: string
  readonly steps: readonly Step[]
}

/**
 * Requests and replies of code.org's own server, from its tests and its source. `$repeat` stands
 * for a repeated text, `$jsonOf` for the JSON of a value.
 */
const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../fixtures/applab.json', import.meta.url), 'utf8'),
)

const carriers: readonly Carrier[] = ['form', 'json', 'query']
const running: TestServer[] = []

afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

describe('the requests of code.org’s own tests', () => {
  it('are all included', () => {
    expect(vectors).toHaveLength(13)
  })
})

describe.each(wireEngines)('code.org’s own tests, on %s', (engine) => {
  describe.each(carriers)('with parameters in a %s', (carrier) => {
    it.each(vectors)('$name', async ({ steps }) => {
      const configured = steps.find(({ maxKvps }) => maxKvps !== undefined)?.maxKvps
      const applabPairsMax = configured ?? 20_000
      const server = await startTestServer({ engine, applabPairsMax })
      running.push(server)
      const project = await ApplabProject.create(server)
      for (const step of steps.filter((one) => one.do === 'http')) {
        expectAnswer(await take(project, step, carrier), step)
      }
    })
  })
})

function take(
  project: ApplabProject,
  { method, action = '', params, as }: Step,
  carrier: Carrier,
): Promise<Answered> {
  const parameters = params && Object.fromEntries(Object.entries(params).map(spelled))
  const asked = {
    ...(method && { method }),
    ...(parameters && { parameters }),
    ...(method !== 'GET' && { carrier }),
  }
  return as ? project.send(action, asked) : project.asOwner(action, asked)
}

function spelled([name, value]: [string, unknown]): [string, unknown] {
  return [name, meant(value)]
}

function meant(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('$jsonOf' in value) return JSON.stringify(meant(value.$jsonOf))
  if (!('$repeat' in value) || !Array.isArray(value.$repeat)) return value
  const [text, times] = value.$repeat
  return String(text).repeat(times)
}

function expectAnswer({ status, text }: Answered, step: Step): void {
  if (step.expectStatus !== undefined) expect(status, text).toBe(step.expectStatus)
  if (step.expectStatusIn) expect(step.expectStatusIn).toContain(status)
  if (step.expectJson !== undefined) expect(JSON.parse(text)).toEqual(step.expectJson)
  if (step.expectJsonContains) expect(JSON.parse(text)).toMatchObject(step.expectJsonContains)
  for (const [field, patterns] of Object.entries(step.expectJsonFieldMatches ?? {})) {
    for (const pattern of patterns) expect(JSON.parse(text)[field]).toMatch(new RegExp(pattern))
  }
}
