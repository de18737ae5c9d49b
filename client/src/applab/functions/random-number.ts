/**
 * A whole number from `min` to `max`, both included; with one argument from 0 to it. Fractions are
 * cut off and what is no number counts as 0, as in App Lab. Bounds in the wrong order are taken the
 * other way round, where App Lab would leave some numbers out.
 */
export function randomNumber(min: number, max?: number): number {
  const [one, other] = max === undefined ? [0, whole(min)] : [whole(min), whole(max)]
  const lowest = Math.min(one, other)
  return lowest + Math.floor(Math.random() * (Math.max(one, other) - lowest + 1))
}

function whole(value: number): number {
  return Math.trunc(Number(value)) || 0
}
