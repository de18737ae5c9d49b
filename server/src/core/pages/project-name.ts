import { limits } from '../kernel/limits.ts'

/** Room for a hyphen and the number of a namesake. */
const numberLength = 5

/**
 * What the store of a project is called: its name in the letters and digits that stores are named
 * with, or `project` where it has none of these.
 */
export function slugOf(name: string): string {
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  const words = plain.split(/[^a-z0-9]+/).filter((word) => word !== '')
  const slug = words.join('-').slice(0, limits.storeNameLengthMax - numberLength)
  return slug.replace(/-$/, '') || 'project'
}

/** The slug itself, then with a number from 2 on, `count` in all from the `first` on. */
export function namesakes(
  slug: string,
  { first, count }: { first: number; count: number },
): string[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index
    return number === 1 ? slug : `${slug}-${number}`
  })
}
