/** What an attempt answers when somebody else changed the data first. */
export const lostRace = Symbol('lostRace')

/**
 * Runs `attempt` until it answers something other than `lostRace`, at most `attemptsMax` times.
 * Every loop that reads, decides and commits under checks is this one. After the last attempt, the
 * answer is that of `giveUp`, which may throw.
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
