import type { ProjectPosition } from '../../../core/stores/projects.ts'
import { invalidField } from '../../rest/fields.ts'
import type { RestCall } from '../../rest/routes.ts'

/** Owner id, creation time in microseconds, store id. */
const form = /^([A-Za-z0-9]{17})-(\d{1,16})-([A-Za-z0-9]{17})$/
const usPerMs = 1_000

/** The end of a page of projects, as text. Clients send it as `after`. */
export function textOfPosition({ ownerId, createdAt, id }: ProjectPosition): string {
  return `${ownerId}-${Math.round(createdAt * usPerMs)}-${id}`
}

/** The parameter `after`; undefined: begin with the first project. Throws RequestError. */
export function positionOf({ query }: RestCall): ProjectPosition | undefined {
  const text = query.text('after')
  if (text === undefined) return undefined
  const [, ownerId, createdUs, id] = form.exec(text) ?? []
  const us = Number(createdUs)
  if (ownerId !== undefined && id !== undefined && Number.isSafeInteger(us)) {
    return { ownerId, createdAt: us / usPerMs, id }
  }
  throw invalidField('after must be the nextAfter of an earlier page')
}
