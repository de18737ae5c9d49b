const number = new Intl.NumberFormat('en')

/** `1,000,000`. */
export function countText(count: number): string {
  return number.format(count)
}

/** `1 record`, `1,204 records`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

const units = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** `412 B`, `1.3 KB`, `2.1 GB`: powers of 1000. */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** `just now`, `12 min ago`, `3 h ago`, `yesterday`, `5 days ago`, then the date. */
export function agoText(at: number, now: number): string {
  const age = now - at
  if (age < 45_000) return 'just now'
  if (age < hour) return `${Math.max(1, Math.round(age / minute))} min ago`
  if (age < day) return `${Math.round(age / hour)} h ago`
  if (age < 2 * day) return 'yesterday'
  if (age < 30 * day) return `${Math.floor(age / day)} days ago`
  return dateText(at)
}

/** `12 min`, `3 h`, `9 d`: for narrow columns. */
export function shortAgoText(at: number, now: number): string {
  const age = Math.max(0, now - at)
  if (age < minute) return 'now'
  if (age < hour) return `${Math.floor(age / minute)} min`
  if (age < day) return `${Math.floor(age / hour)} h`
  return `${Math.floor(age / day)} d`
}

/** `in 6 d 20 h`, `in 13 min`; at most two units. */
export function untilText(at: number, now: number): string {
  const left = at - now
  if (left <= 0) return 'now'
  if (left < minute) return `in ${Math.ceil(left / 1_000)} s`
  if (left < hour) return `in ${Math.floor(left / minute)} min`
  if (left < day) return `in ${two(left, hour, 'h', minute, 'min')}`
  return `in ${two(left, day, 'd', hour, 'h')}`
}

/** The exact time, for a tooltip. */
export function timeText(at: number): string {
  return new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
}

function dateText(at: number): string {
  return new Date(at).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  })
}

function two(left: number, long: number, longName: string, short: number, name: string): string {
  const longs = Math.floor(left / long)
  const shorts = Math.floor((left % long) / short)
  return shorts === 0 ? `${longs} ${longName}` : `${longs} ${longName} ${shorts} ${name}`
}
