import { limits } from '../kernel/limits.ts'

/** Room for a hyphen and the number of a store with the same slug. */
const numberLength = 5

/**
 * The name for the store of a project: the project's name, reduced to the letters and digits that
 * store names may have. `project` if nothing remains.
 */
export function slugOf(name: string): string {
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  const words = plain.split(/[^a-z0-9]+/).filter((word) => word !== '')
  const slug = words.join('-').slice(0, limits.storeNameLengthMax - numberLength)
  return slug.replace(/-$/, '') || 'project'
}

/**
 * `count` names from the number `first` on: number 1 is the slug itself, the others have their
 * number appended.
 */
export function namesakes(
  slug: string,
  { first, count }: { first: number; count: number },
): string[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index
    return number === 1 ? slug : `${slug}-${number}`
  })
}
