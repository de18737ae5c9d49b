/**
 * JSON for `JSON.stringify`, in which numbers keep all their digits (the proposal "JSON.parse
 * source text access", which every supported Node has).
 */
export function exactJson(text: string): unknown {
  const { rawJSON } = Object(JSON)
  const exact = (_: string, value: unknown, context: { source?: string } = {}): unknown =>
    typeof value === 'number' ? rawJSON(context.source) : value
  return JSON.parse(text, exact)
}
