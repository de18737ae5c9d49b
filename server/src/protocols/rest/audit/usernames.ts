import type { Actor } from '../../../core/log/actor.ts'
import type { RestCall } from '../routes.ts'

/** The usernames of these actors, by their ids. A user who is gone has none. */
export async function usernamesOf(
  { domain }: Pick<RestCall, 'domain'>,
  actors: Iterable<Actor | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const ids = new Set<string>()
  for (const actor of actors) if (actor) ids.add(actor.userId)
  const users = await Promise.all([...ids].map((id) => domain.users.get(id)))
  return new Map(users.flatMap((user) => (user ? [[user.id, user.username]] : [])))
}
