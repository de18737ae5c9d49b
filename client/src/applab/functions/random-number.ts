/**
 * A whole number from `min` to `max`, both included; with one argument from 0 to it. As in App Lab,
 * fractions are cut off, and a bound that is not a number counts as 0. Bounds in the wrong order
 * are swapped; App Lab would leave some numbers out.
 */
export function randomNumber(min: number, max?: number): number {
  const [one, other] = max === undefined ? [0, whole(min)] : [whole(min), whole(max)]
  const lowest = Math.min(one, other)
  return lowest + Math.floor(Math.random() * (Math.max(one, other) - lowest + 1))
}

function whole(value: number): number {
  return Math.trunc(Number(value)) || 0
}
