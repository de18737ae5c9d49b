/** The result of an attempt when another writer changed the data first. */
export const lostRace = Symbol('lostRace')

/**
 * Runs `attempt` until it returns something other than `lostRace`, at most `attemptsMax` times.
 * Then returns the result of `giveUp`, which may throw. Every loop that reads, decides and commits
 * under checks uses this function.
 */
export async function retry<T>(
  attemptsMax: number,
  attempt: (index: number) => Promise<T | typeof lostRace>,
  giveUp: () => T,
): Promise<T> {
  for (let index = 0; index < attemptsMax; index += 1) {
    const answer = await attempt(index)
    if (answer !== lostRace) return answer
  }
  return giveUp()
}
