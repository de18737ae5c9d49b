/** A value in two forms: for people and for programs. */
export interface Cell {
  readonly readable: string
  readonly plain: string
}

/** Shown for a missing value. */
const none = '-'
const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

export function textCell(text: string | null | undefined): Cell {
  const shown = text || none
  return { readable: shown, plain: shown }
}

/** A number of bytes. Programs get all digits. */
export function sizeCell(bytes: number | undefined): Cell {
  return bytes === undefined ? textCell(none) : { readable: sizeOf(bytes), plain: String(bytes) }
}

/** A time in the API's format. People see it in their own time zone. */
export function timeCell(iso: string | null | undefined): Cell {
  return iso ? { readable: localTime(new Date(iso)), plain: iso } : textCell(none)
}

/** Three digits or fewer: `999 B`, `1.5 MB`, `120 GB`. */
function sizeOf(bytes: number): string {
  let amount = bytes
  let unit = 0
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1_000
    unit += 1
  }
  const digits = unit > 0 && amount < 9.95 ? 1 : 0
  return `${amount.toFixed(digits)} ${units[unit]}`
}

/** `2027-01-31 14:05` */
function localTime(time: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-')
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}`
}
