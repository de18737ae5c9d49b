import { describe, expect, it } from 'vitest'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, hour, minute, second } from '../testing/times.ts'
import { spanText } from './span.ts'
import { SteadyClock } from './steady-clock.ts'

function setUp(): { environment: TestEnvironment; clock: SteadyClock; start: number } {
  const environment = new TestEnvironment()
  return { environment, clock: new SteadyClock(environment), start: environment.now() }
}

/** Lets time pass as a server sees it, which looks at the clock again and again. */
function pass({ environment, clock }: ReturnType<typeof setUp>, ms: number, step = second): void {
  for (let passed = 0; passed < ms; passed += step) {
    environment.advance(step)
    clock.now()
  }
}

describe('a steady clock', () => {
  it('follows the clock as long as both clocks agree', () => {
    const { environment, clock } = setUp()
    for (const ms of [1, second, hour, 400 * day]) {
      environment.advance(ms)
      expect([clock.now(), clock.steady(), clock.latest()]).toEqual(
        Array.from({ length: 3 }, () => environment.now()),
      )
    }
    expect(clock.isHeld).toBe(false)
    expect(environment.events).toEqual([])
  })

  it.each([8 * day, hour, 61 * second])('holds expiry after a step of %i ms forward', (step) => {
    const { environment, clock, start } = setUp()
    environment.setClock(step)
    expect(clock.isHeld).toBe(true)
    environment.advance(second)
    expect(clock.steady()).toBe(start + second)
    // What is stored now is never too old later, whichever clock is right.
    expect(clock.now()).toBe(environment.now())
    expect(clock.problem).toContain(`${spanText(step)} ahead of the time that Coatcheck expects`)
  })

  it.each([-8 * day, -61 * second])('holds expiry after a step of %i ms back', (step) => {
    const { environment, clock, start } = setUp()
    environment.setClock(step)
    environment.advance(second)
    expect(clock.isHeld).toBe(true)
    expect([clock.now(), clock.steady(), clock.latest()]).toEqual(
      [1, 1, 1].map(() => start + second),
    )
    expect(clock.problem).toContain(`${spanText(step)} behind the time`)
  })

  it('holds expiry once the clock has stood still for more than a minute', () => {
    const { environment, clock, start } = setUp()
    for (let seconds = 1; seconds <= 120; seconds += 1) {
      environment.standStill(second)
      clock.now()
    }
    expect(clock.isHeld).toBe(true)
    // It lags a little, since it followed the clock by a twentieth while the difference was small.
    expect(clock.steady() - start).toBeGreaterThan(110 * second)
  })

  it('ends the hold when the clock is back, and logs both', () => {
    const { environment, clock } = setUp()
    environment.setClock(8 * day)
    clock.now()
    environment.advance(8 * second)
    environment.setClock(-8 * day)
    expect(clock.isHeld).toBe(false)
    expect(clock.now()).toBe(environment.now())
    expect(environment.events).toEqual([
      expect.stringContaining('The clock is 8 days ahead'),
      'The clock is right again: stores expire as before.',
    ])
  })

  it('takes over a step of a second at once', () => {
    const { environment, clock } = setUp()
    for (const step of [second, -second]) {
      environment.setClock(step)
      expect(clock.steady()).toBe(environment.now())
    }
  })

  it.each([50 * second, -50 * second])('takes over a step of %i ms little by little', (step) => {
    const parts = setUp()
    const { environment, clock } = parts
    environment.setClock(step)
    expect(environment.now() - clock.steady()).toBe(step)
    pass(parts, minute)
    const off = Math.abs(environment.now() - clock.steady())
    // A twentieth of a minute is 3 seconds.
    expect(off).toBeGreaterThanOrEqual(46 * second)
    expect(off).toBeLessThanOrEqual(48 * second)
    pass(parts, hour)
    expect(clock.steady()).toBe(environment.now())
    expect(environment.events).toEqual([])
  })

  it('goes on however often it is looked at meanwhile', () => {
    const { environment, clock, start } = setUp()
    environment.setClock(8 * day)
    for (let looks = 0; looks < 8_000; looks += 1) {
      environment.advance(0.125)
      clock.now()
    }
    expect(clock.steady()).toBe(start + second)
    environment.setClock(-8 * day + 50 * second)
    for (let looks = 0; looks < 8_000; looks += 1) {
      environment.advance(0.125)
      clock.now()
    }
    const expected = start + 2 * second + second / 20
    expect(Math.abs(clock.steady() - expected)).toBeLessThanOrEqual(1)
  })

  it('knows that the machine has slept', () => {
    const { environment, clock } = setUp()
    environment.sleep(9 * hour)
    expect(clock.isHeld).toBe(false)
    expect(clock.steady()).toBe(environment.now())
  })

  it('rarely asks how long the machine has slept, however often it is looked at meanwhile', () => {
    let asked = 0
    class CountingEnvironment extends TestEnvironment {
      override asleep(): number {
        asked += 1
        return super.asleep()
      }
    }
    const environment = new CountingEnvironment()
    const clock = new SteadyClock(environment)
    for (const step of [8 * day, -8 * day + 50 * second]) {
      environment.setClock(step)
      clock.now()
      asked = 0
      for (let looks = 0; looks < 1_000; looks += 1) {
        environment.advance(2)
        clock.now()
      }
      expect(asked).toBeLessThanOrEqual(2)
    }
    environment.setClock(8 * day)
    clock.now()
    environment.sleep(9 * hour)
    expect(environment.now() - clock.steady()).toBeLessThan(8 * day + minute)
  })

  it('takes the later of both clocks for rights, which must end', () => {
    const { environment, clock, start } = setUp()
    environment.setClock(8 * day)
    expect(clock.latest()).toBe(start + 8 * day)
    environment.setClock(-9 * day)
    expect(clock.latest()).toBe(start)
  })

  it('counts what was stored before from the moment of a confirmation', () => {
    const { environment, clock } = setUp()
    const before = clock.now() + hour
    environment.setClock(8 * day)
    clock.confirmAs(clock.confirmation.confirmedAt)
    expect(clock.isHeld).toBe(false)
    const now = environment.now()
    expect(clock.dueAt(before, hour)).toBe(now + hour)
    expect(clock.dueAt(now + second + hour, hour)).toBe(now + second + hour)
    // A later end stays.
    expect(clock.dueAt(now + day, 10 * day)).toBe(now + 10 * day)
    expect(clock.dueAt(now + 20 * day, 30 * day)).toBe(now + 30 * day)
  })

  it('uses the clock of the storage instead of its own, once it knows that', () => {
    const { environment, clock, start } = setUp()
    clock.ask(start + 5 * second)
    environment.setClock(8 * day)
    environment.advance(second)
    expect(clock.reading()).toBe(start + 6 * second)
    expect(clock.isHeld).toBe(false)
    clock.ask(start + 8 * day)
    expect(clock.isHeld).toBe(true)
  })
})

describe('a steady clock after a restart', () => {
  const memory = (newest: number) => ({ newest, aheadMs: 0, confirmedAt: 0 })

  it.each([0, second, hour, day])('believes a clock that went on for %i ms', (stopped) => {
    const { environment, clock, start } = setUp()
    clock.resume(memory(start - stopped))
    expect(clock.isHeld).toBe(false)
    expect(clock.steady()).toBe(environment.now())
  })

  it.each([day + second, 8 * day])('holds expiry if %i ms have passed', (ahead) => {
    const { clock, start } = setUp()
    clock.resume(memory(start - ahead))
    expect(clock.isHeld).toBe(true)
    expect(clock.steady()).toBe(start - ahead)
    expect(clock.now()).toBe(start)
  })

  it('ends such a hold when the clock is less than a day ahead', () => {
    const { environment, clock, start } = setUp()
    clock.resume(memory(start - 8 * day))
    environment.setClock(-8 * day + 2 * hour)
    expect(clock.isHeld).toBe(false)
    expect(clock.steady()).toBe(environment.now())
  })

  it.each([61 * second, 8 * day])('holds expiry if the clock is %i ms behind', (behind) => {
    const { environment, clock, start } = setUp()
    clock.resume(memory(start + behind))
    expect(clock.isHeld).toBe(true)
    environment.advance(second)
    expect(clock.now()).toBe(start + behind + second)
    environment.setClock(behind)
    expect(clock.isHeld).toBe(false)
  })

  it('counts what was stored meanwhile anew if it was stopped before such a hold', () => {
    const { environment, clock, start } = setUp()
    clock.resume(memory(start + 8 * day))
    const stored = clock.now() + minute
    environment.setClock(8 * day + hour)
    expect(clock.isHeld).toBe(false)
    expect(clock.steady()).toBe(environment.now())
    expect(clock.dueAt(stored, minute)).toBe(environment.now() + minute)
  })

  it('still holds expiry after a step that nobody confirmed, however small', () => {
    const { environment, clock } = setUp()
    environment.setClock(2 * hour)
    expect(clock.isHeld).toBe(true)
    const kept = clock.memory
    environment.advance(minute)
    const next = new SteadyClock(environment)
    next.resume(kept)
    expect(next.isHeld).toBe(true)
    environment.setClock(-2 * hour)
    expect(next.isHeld).toBe(false)
    const last = new SteadyClock(environment)
    last.resume(kept)
    expect(last.isHeld).toBe(false)
  })
})
