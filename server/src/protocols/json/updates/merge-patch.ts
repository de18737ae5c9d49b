import type { JsonText } from '../json-text.ts'
import { PatchWork } from './patch-work.ts'

/**
 * The value after a JSON Merge Patch (RFC 7396), as JSON text. What is not changed keeps its
 * spelling. Throws StorageError `too-many`.
 */
export function mergePatch(target: JsonText | undefined, patch: JsonText): string {
  return merged(target, patch, new PatchWork())
}

function merged(target: JsonText | undefined, patch: JsonText, work: PatchWork): string {
  if (patch.kind !== 'object') return patch.text
  const opened = target?.kind === 'object' ? target : undefined
  work.touch(patch.size + (opened?.size ?? 0))
  const changes = patch.members()
  const members: string[] = []
  const kept = opened?.members() ?? new Map<string, JsonText>()
  for (const [name, value] of kept) {
    const change = changes.get(name)
    if (change?.kind === 'null') continue
    members.push(memberText(name, change ? merged(value, change, work) : value.text))
  }
  for (const [name, change] of changes) {
    if (kept.has(name) || change.kind === 'null') continue
    members.push(memberText(name, merged(undefined, change, work)))
  }
  return `{${members.join(',')}}`
}

function memberText(name: string, text: string): string {
  return `${JSON.stringify(name)}:${text}`
}
