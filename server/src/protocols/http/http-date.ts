const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const longWeekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  ...['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun'],
  ...['Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
]

const weekday = `(?:${weekdays.join('|')})`
const longWeekday = `(?:${longWeekdays.join('|')})`
const month = `(?<month>${months.join('|')})`
const time = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)'

/** The three date forms that a reader must accept (RFC 9110, 5.6.7). The first is preferred. */
const forms: readonly RegExp[] = [
  new RegExp(`^${weekday}, (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^${longWeekday}, (?<day>\\d\\d)-${month}-(?<shortYear>\\d\\d) ${time} GMT$`),
  new RegExp(`^${weekday} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
]

/** The last formatted second: often, many records are of the same second. */
const spelled = { second: 0, text: new Date(0).toUTCString() }

/** Formats milliseconds since 1970 for a header, rounded down to whole seconds. */
export function formatHttpDate(ms: number): string {
  const second = Math.floor(ms / 1_000)
  if (second !== spelled.second) {
    spelled.second = second
    spelled.text = new Date(second * 1_000).toUTCString()
  }
  return spelled.text
}

/**
 * The time in a header, in ms since 1970; undefined if the text is not a date. `now` decides the
 * century of a two-digit year.
 */
export function parseHttpDate(text: string, { now }: { now: number }): number | undefined {
  for (const form of forms) {
    const parts = form.exec(text)?.groups
    if (parts) return momentOf(parts, now)
  }
  return undefined
}

function momentOf(parts: Readonly<Record<string, string>>, now: number): number | undefined {
  const { day, month: name = '', year, shortYear, hour, minute, second } = parts
  // A leap second counts as the second before it.
  const clock = [Number(hour), Number(minute), Math.min(Number(second), 59)] as const
  if (clock[0] > 23 || clock[1] > 59 || Number(second) > 60) return undefined
  const momentIn = (fullYear: number): number | undefined => {
    const date = new Date(0)
    date.setUTCFullYear(fullYear, months.indexOf(name), Number(day))
    date.setUTCHours(...clock)
    // February 30 would be a day in March.
    return date.getUTCDate() === Number(day) ? date.getTime() : undefined
  }
  if (shortYear === undefined) return momentIn(Number(year))
  return inThisCentury(Number(shortYear), { now, momentIn })
}

/** A date that seems to be more than 50 years ahead is in the past (RFC 9110, 5.6.7). */
function inThisCentury(
  shortYear: number,
  { now, momentIn }: { now: number; momentIn: (year: number) => number | undefined },
): number | undefined {
  const ahead = new Date(now)
  const century = Math.floor(ahead.getUTCFullYear() / 100) * 100
  ahead.setUTCFullYear(ahead.getUTCFullYear() + 50)
  const candidates = [century + 100, century, century - 100].map((from) => from + shortYear)
  const year = candidates.find(
    (one) => (momentIn(one) ?? Number.POSITIVE_INFINITY) <= ahead.getTime(),
  )
  return year === undefined ? undefined : momentIn(year)
}
