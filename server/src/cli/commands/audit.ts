import { showTrail, type TrailData, trailFlags, trailQueryOf } from '../views/events.ts'
import type { Command, CommandCall } from './command.ts'

/** `coatcheck audit`: shows who did what to a user's stores, tokens and settings. */
export const auditCommand: Command = {
  usage: 'audit [--user NAME] [--limit N] [--before REVISION]',
  about: "shows who did what to a user's stores and tokens; without --user, to the first admin's",
  flags: { user: { type: 'string' }, ...trailFlags },
  words: { min: 0, max: 0 },
  onlyReads: true,
  run: showAudit,
}

async function showAudit({ given, api, screen }: CommandCall): Promise<void> {
  const query = { user: given.text('user'), ...trailQueryOf(given) }
  showTrail(screen, await api.ask<TrailData>('GET', '/coatcheck/v1/audit', { query }))
}
