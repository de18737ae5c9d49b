import type { RestCall } from '../routes.ts'

/** The usernames of these users, by their ids. A user who is gone has none. */
export async function usernamesOf(
  { domain }: Pick<RestCall, 'domain'>,
  userIds: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const users = await Promise.all([...new Set(userIds)].map((id) => domain.users.get(id)))
  return new Map(users.flatMap((user) => (user ? [[user.id, user.username]] : [])))
}
