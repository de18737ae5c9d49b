import { actorOf, requireAdmin } from '../../../core/access/access.ts'
import type { SteadyClock } from '../../../core/clock/steady-clock.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { jsonReply } from '../../rest/replies.ts'
import type { RestCall } from '../../rest/routes.ts'

/** GET /coatcheck/v1/clock, for admins: the time, and why no store expires now, if so. */
export async function getClock({ principal, domain }: RestCall): Promise<HttpReply> {
  requireAdmin(principal)
  return jsonReply(200, { data: clockObject(domain.clock) })
}

/** POST /coatcheck/v1/clock/confirm, for admins: the clock is right, and stores expire again. */
export async function confirmClock({ principal, domain }: RestCall): Promise<HttpReply> {
  requireAdmin(principal)
  await domain.confirmClock(actorOf(principal, 'coatcheck'))
  return jsonReply(200, { data: clockObject(domain.clock) })
}

function clockObject(clock: SteadyClock): object {
  const { problem } = clock
  return {
    time: new Date(clock.reading()).toISOString(),
    expectedTime: new Date(clock.steady()).toISOString(),
    isHeld: problem !== undefined,
    note: problem ?? null,
  }
}
