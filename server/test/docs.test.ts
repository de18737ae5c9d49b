import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { routes } from '../src/protocols/apify/routes.ts'
import { routes as pageRoutes } from '../src/protocols/applab/routes.ts'
import { healthRoutes } from '../src/protocols/coatcheck/api/health.ts'
import { routes as ownRoutes } from '../src/protocols/coatcheck/routes.ts'

const root = new URL('../../', import.meta.url)
const pages = ['docs/compatibility.md', 'docs/api.md', 'docs/security.md'].map((path) =>
  readFileSync(new URL(path, root), 'utf8'),
)

describe('docs/compatibility.md, docs/api.md and docs/security.md', () => {
  it('name only tests that exist', () => {
    const names = namedTests()
    expect(names.length).toBeGreaterThan(35)
    expect(names.filter((name) => !exists(name))).toEqual([])
  })

  it('name a test in every row of their tables', () => {
    const rows = tableRows().map((row) => row.at(-1) ?? '')
    expect(rows.filter((tests) => tests !== 'test' && !tests.includes('`'))).toEqual([])
  })

  it.each(
    [...routes, ...ownRoutes, ...healthRoutes, ...pageRoutes].map(({ path, methods }) => ({
      path,
      methods: Object.keys(methods),
    })),
  )('describe $path and its methods', ({ path, methods }) => {
    const row = tableRows().find(([endpoint = '']) => spellings(path).some(isIn(endpoint)))
    expect(row, path).toBeDefined()
    const told = tableRows()
      .filter(([endpoint = '']) => spellings(path).some(isIn(endpoint)))
      .flat()
      .join(' ')
    expect(methods.filter((method) => !told.includes(method))).toEqual([])
  })
})

/** The cells of every row, except of the line between head and body. */
function tableRows(): string[][] {
  const rows = pages
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith('| '))
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

function namedTests(): string[] {
  const cells = tableRows().map((row) => row.at(-1) ?? '')
  return [
    ...new Set(
      cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '')),
    ),
  ]
}

function exists(name: string): boolean {
  const places = name.startsWith('client/')
    ? [`server/test/clients/${name.slice('client/'.length)}`]
    : name.startsWith('src/')
      ? [`server/${name}`]
      : ['protocols/apify/', 'protocols/', ''].map((folder) => `server/test/${folder}${name}`)
  return places.some((place) => existsSync(new URL(`${place}.test.ts`, root)))
}

/** The spellings that the page may use for a path: in full or after `...`. */
function spellings(path: string): string[] {
  const full = path
    .replace(':store', '{store}')
    .replace(':key', '{key}')
    .replace(':user', '{idOrUsername}')
    .replace(':token', '{id}')
    .replace(':channel', '{channel}')
  const stores = '/v2/key-value-stores'
  const me = full.replace('/v2/users/me', '')
  return [full, `...${full.replace(stores, '')}`, ...(me === full || me === '' ? [] : [me])]
}

function isIn(cell: string): (spelling: string) => boolean {
  return (spelling) =>
    [`\`${spelling}\``, `${spelling}?`, ` ${spelling}\``].some((text) => cell.includes(text))
}
