/** The text of a printed line, as a browser's console writes it: with `%s` and `%d` filled in. */
export function shownText(args: readonly unknown[]): string {
  const [first, ...rest] = args
  if (typeof first !== 'string' || rest.length === 0) return args.map(shown).join(' ')
  const text = first.replace(/%([sdifoOc%])/g, (place, kind: string) => {
    if (kind === '%') return '%'
    return rest.length === 0 ? place : filled(kind, rest.shift())
  })
  return [text, ...rest.map(shown)].join(' ')
}

function filled(kind: string, value: unknown): string {
  // Styles are not shown.
  if (kind === 'c') return ''
  if (kind === 's' || kind === 'o' || kind === 'O') return shown(value)
  if (typeof value === 'symbol') return 'NaN'
  const number = kind === 'f' ? Number.parseFloat(shown(value)) : Number.parseInt(shown(value), 10)
  return String(number)
}

/** A value as a console shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Error) return `${value.name}: ${value.message}`
  // Its own text would be `{}`, as if there were nothing to wait for.
  if (value instanceof Promise) return 'Promise'
  const isData = typeof value === 'object' && value !== null
  if (!isData) return String(value)
  return jsonOf(value) ?? (Array.isArray(value) ? '[…]' : '{…}')
}

/** Undefined for values that JSON can't express, such as objects that contain themselves. */
function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
