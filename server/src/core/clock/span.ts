const units = [
  { name: 'day', ms: 86_400_000 },
  { name: 'hour', ms: 3_600_000 },
  { name: 'minute', ms: 60_000 },
  { name: 'second', ms: 1_000 },
] as const

/** A time span for people, in its largest unit: `8 days`, `1 hour`, `0 seconds`. */
export function spanText(ms: number): string {
  const whole = Math.abs(ms)
  const unit = units.find((one) => whole >= one.ms) ?? units[3]
  const count = Math.round(whole / unit.ms)
  return `${count} ${unit.name}${count === 1 ? '' : 's'}`
}
