import type { JsonText } from '../json-text.ts'

/**
 * The value after a JSON Merge Patch (RFC 7396), as JSON text. What is not changed keeps its
 * spelling.
 */
export function mergePatch(target: JsonText | undefined, patch: JsonText): string {
  if (patch.kind !== 'object') return patch.text
  const changes = patch.members()
  const members: string[] = []
  const kept = target?.kind === 'object' ? target.members() : new Map<string, JsonText>()
  for (const [name, value] of kept) {
    const change = changes.get(name)
    if (change?.kind === 'null') continue
    members.push(memberText(name, change ? mergePatch(value, change) : value.text))
  }
  for (const [name, change] of changes) {
    if (kept.has(name) || change.kind === 'null') continue
    members.push(memberText(name, mergePatch(undefined, change)))
  }
  return `{${members.join(',')}}`
}

function memberText(name: string, text: string): string {
  return `${JSON.stringify(name)}:${text}`
}
