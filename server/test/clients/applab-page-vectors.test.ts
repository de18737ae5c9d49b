import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CallLimit, TooManyCalls } from '../../../client/src/applab/page/call-limit.ts'
import { useApplabPages } from '../support/pages/applab-pages.ts'
import { ApplabProject } from '../support/pages/applab-project.ts'
import { pageScript } from '../support/pages/page-script.ts'
import type { Visit } from '../support/pages/page-site.ts'

interface ClientStep {
  readonly do: 'client'
  readonly fn: 'setKeyValue' | 'getKeyValue'
  readonly args: readonly unknown[]
  readonly expectCallbackArgs?: readonly unknown[]
  readonly expectErrorContains?: object
  readonly expectWarning?: string
}

interface LimitStep {
  readonly do: 'rateLimitCalls'
  readonly count: number
  readonly startMs: number
  readonly stepMs: number
  readonly expect: 'allowed' | 'throws'
}

interface Vector {
  readonly name: string
  readonly steps: readonly (ClientStep | LimitStep)[]
}

/**
 * What App Lab's functions do, according to its own tests, pages and source. `{"$undefined":true}`
 * and similar objects stand for values that JSON does not have.
 */
const vectors = fixture<Vector[]>('applab-page.json')
/** The examples of App Lab's own page about setKeyValue, word for word. */
const examples = fixture<string[]>('applab-examples.json')

const pages = useApplabPages()

describe("App Lab's functions, in Chromium", () => {
  it('are all tested here', () => {
    expect([vectors.length, examples.length]).toEqual([7, 3])
  })

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_, { steps }) => {
    const visit = await pages
      .site()
      .visitNext(pageScript(pages.server().url, await ApplabProject.create(pages.server())))
    const limit = new CallLimit()
    for (const step of steps) {
      if (step.do === 'client') await replay(step, visit)
      else count(step, limit)
    }
  })
})

describe("the examples of App Lab's page, run twice in a row", () => {
  it('print the line after the call first, then the line in the callback', async () => {
    const printed = [
      'I execute immediately after',
      'I execute asynchronously when key/value is stored.  Click View Data to see the data.',
    ]
    expect(await runTwice(0, 2)).toEqual([printed, printed])
  })

  it('read a value in the callback of its set', async () => {
    const printed = ['highScore stored', 'high score is: 100']
    expect(await runTwice(1, 2)).toEqual([printed, printed])
  })

  it('keep the biggest number', async () => {
    const [first = [], second = []] = await runTwice(2, 1)
    const [, number = ''] = /^random: (\d+) biggestNumber: undefined$/.exec(first[0] ?? '') ?? []
    expect(first[1]).toBe(`${number} is bigger than undefined. Updated biggestNumber`)
    const [, next = ''] = /^random: (\d+) biggestNumber: \d+$/.exec(second[0] ?? '') ?? []
    expect(second[0]).toBe(`random: ${next} biggestNumber: ${number}`)
    const isBigger = Number(next) > Number(number)
    const update = `${next} is bigger than ${number}. Updated biggestNumber`
    expect(second.slice(1)).toEqual(isBigger ? [update] : [])
    expect([Number(number), Number(next)].every((drawn) => drawn >= 1 && drawn <= 100)).toBe(true)
  })

  /** The output of two runs, each after at least `lines` lines. */
  async function runTwice(example: number, lines: number): Promise<readonly string[][]> {
    const script = pageScript(pages.server().url, await ApplabProject.create(pages.server()))
    const html = `${script}\n<script>\n${examples[example]}</script>`
    const printed: string[][] = []
    for (let run = 0; run < 2; run += 1) {
      const visit = await pages.site().visitNext(html)
      await expect.poll(() => visit.printed.length).toBeGreaterThanOrEqual(lines)
      // For lines that should not come.
      await visit.page.waitForTimeout(100)
      expect(visit.uncaught).toEqual([])
      printed.push(visit.printed)
    }
    return printed
  }
})

async function replay(step: ClientStep, visit: Visit): Promise<void> {
  const outcome = await visit.call(step.fn, ...step.args.map(inJavaScript))
  if (step.expectCallbackArgs) {
    expect(outcome).toEqual({ callback: step.expectCallbackArgs.map(fromFixture) })
  }
  if (step.expectErrorContains) {
    expect(outcome).toEqual({ onError: [expect.objectContaining(step.expectErrorContains)] })
  }
  if (step.expectWarning !== undefined) {
    const line = expect.stringMatching(/^WARNING: Line: \d+: /)
    expect(visit.printed).toEqual([line])
    expect(visit.printed[0]?.endsWith(step.expectWarning)).toBe(true)
    expect(outcome).toEqual({ callback: [undefined] })
  }
}

function count({ count: calls, startMs, stepMs, ...step }: LimitStep, limit: CallLimit): void {
  for (let call = 0; call < calls; call += 1) {
    const counting = (): void => limit.count(startMs + call * stepMs)
    if (step.expect === 'allowed') counting()
    else expect(counting).toThrow(TooManyCalls)
  }
}

/** JavaScript for the fixture's names of values that JSON does not have. */
const written: Readonly<Record<string, string>> = {
  $undefined: 'undefined',
  $nan: 'NaN',
  $infinity: 'Infinity',
  $function: 'function () {}',
}

function inJavaScript(value: unknown): string {
  const [name = ''] = Object.keys(Object(value))
  return written[name] ?? JSON.stringify(value)
}

function fromFixture(value: unknown): unknown {
  return inJavaScript(value) === 'undefined' ? undefined : value
}

function fixture<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'))
}
