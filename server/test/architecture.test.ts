import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { circlesOf, folderOf, foldersOf } from './support/architecture/circles.ts'
import { mayImport } from './support/architecture/layers.ts'
import {
  graphOf,
  isTest,
  pathsBelow,
  readSources,
  type Source,
} from './support/architecture/sources.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const folderFilesMax = 12
const fileLinesMax = 400
const lineLengthMax = 100
const parts = [
  'server/src',
  'client/src',
  'client/test',
  'console/src',
  'server/test',
  'bench',
  'scripts',
]

describe('the server', () => {
  const shipped = shippedOf('server/src')

  it('has sources to look at', () => {
    expect(shipped.length).toBeGreaterThan(250)
    expect(shipped.flatMap(({ imports }) => imports).length).toBeGreaterThan(1_000)
  })

  it('imports only what its layer may know', () => {
    const arrows = shipped.flatMap((source) =>
      source.imports
        .filter((imported) => !mayImport(source.path, imported))
        .map((imported) => `${source.path} -> ${imported}`),
    )
    expect(arrows).toEqual([])
  })

  it.each([
    ['core/stores/store.ts', 'engines/lmdb/lmdb.ts'],
    ['core/stores/store.ts', 'node:fs'],
    ['core/kernel/bytes.ts', 'core/engine/engine.ts'],
    ['core/records/record.ts', 'core/stores/store.ts'],
    ['core/stores/store.ts', 'core/nowhere/new.ts'],
    ['protocols/apify/records/keys.ts', 'engines/lmdb/lmdb.ts'],
    ['protocols/rest/door.ts', 'protocols/apify/routes.ts'],
    ['protocols/apify/apify.ts', 'protocols/nemesis/nemesis.ts'],
    ['transport/http/http.ts', 'protocols/apify/apify.ts'],
    ['engines/lmdb/lmdb.ts', 'engines/memory.ts'],
  ])('may not have %s import %s', (path, imported) => {
    expect(mayImport(path, imported)).toBe(false)
  })

  it('knows doors and transport to each other by types alone', () => {
    const values = shipped.filter(
      ({ path, text }) =>
        path.startsWith('protocols/') && /^import \{.*from '.*transport\//m.test(text),
    )
    expect(values.map(({ path }) => path)).toEqual([])
  })

  it('takes time, chance and timers of the core from outside', () => {
    const forbidden = /\b(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|process\.)/
    const found = shipped.filter(
      ({ path, text }) => path.startsWith('core/') && forbidden.test(text),
    )
    expect(found.map(({ path }) => path)).toEqual([])
  })

  it('has functions under 60 lines: the linter fails on a longer one', () => {
    const rules = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')).linter.rules
    expect(rules.complexity.noExcessiveLinesPerFunction).toEqual({
      level: 'error',
      options: { maxLines: 60 },
    })
  })
})

describe('circles', () => {
  it('are found among files, and among folders whose files have none', () => {
    const graph = new Map([
      ['a/one.ts', new Set(['b/two.ts'])],
      ['b/two.ts', new Set<string>()],
      ['b/three.ts', new Set(['a/four.ts'])],
      ['a/four.ts', new Set<string>()],
    ])
    expect(circlesOf(graph)).toEqual([])
    expect(circlesOf(foldersOf(graph))).toEqual([['a', 'b']])
    graph.set('b/two.ts', new Set(['b/three.ts'])).set('a/four.ts', new Set(['a/one.ts']))
    expect(circlesOf(graph)).toEqual([['a/four.ts', 'a/one.ts', 'b/three.ts', 'b/two.ts']])
  })
})

describe.each(parts)('what stands in %s', (part) => {
  const graph = graphOf(shippedOf(part))

  it(`has at most ${folderFilesMax} files, tests aside, in a folder`, () => {
    const files = pathsBelow(join(root, part)).filter((path) => !isTest(path))
    const counts = Map.groupBy(files, folderOf)
    const full = [...counts].filter(([, { length }]) => length > folderFilesMax)
    expect(files.length).toBeGreaterThan(1)
    expect(full.map(([folder, { length }]) => `${folder}: ${length} files`)).toEqual([])
  })

  it('has no circle of files', () => {
    expect(circlesOf(graph)).toEqual([])
  })

  it('has no circle of folders', () => {
    expect(circlesOf(foldersOf(graph))).toEqual([])
  })

  it('keeps the rules that no linter knows: short files and comments, no unfinished work', () => {
    const all = readSources(join(root, part), '**/*.{ts,tsx,mjs,css}')
    expect(all.length).toBeGreaterThan(1)
    expect(all.filter(isLong).map(({ path }) => path)).toEqual([])
    expect(all.flatMap(longComments)).toEqual([])
    const shipped = all.filter(({ path }) => !isTest(path))
    expect(shipped.filter(isLoose).map(({ path }) => path)).toEqual([])
  })
})

describe('the client', () => {
  const shipped = shippedOf('client/src')

  it('knows nobody but itself, so that it runs in browsers', () => {
    const imports = shipped.flatMap(({ imports }) => imports)
    const paths = new Set(shipped.map(({ path }) => path))
    expect(imports.length).toBeGreaterThan(10)
    expect(imports.filter((name) => !paths.has(name))).toEqual([])
  })

  it('names nothing that Node alone has', () => {
    expect(shipped.filter(({ text }) => /\b(Buffer|process|global)\./.test(text))).toEqual([])
  })
})

describe('the console', () => {
  const shipped = shippedOf('console/src')

  const packages =
    /^(@codemirror\/.*|@lezer\/highlight|@tanstack\/react-query|papaparse|react|react-aria-components|react-dom(\/client)?|react-markdown)$/

  it('knows itself, the client and the packages of its pages alone: all else it asks the server', () => {
    const paths = new Set(shipped.map(({ path }) => path))
    const isOther = (name: string): boolean =>
      !paths.has(name) && !/^\.\.\/\.\.\/client\/src\/|\.css$/.test(name) && !packages.test(name)
    const imports = shipped.flatMap(({ imports }) => imports)
    expect(imports.length).toBeGreaterThan(30)
    expect(imports.filter(isOther)).toEqual([])
  })

  it('reads no text as HTML', () => {
    const parsing = /innerHTML|outerHTML|insertAdjacentHTML|document\.write/
    expect(shipped.filter(({ text }) => parsing.test(text)).map(({ path }) => path)).toEqual([])
  })
})

function shippedOf(part: string): Source[] {
  return readSources(join(root, part), '**/*.{ts,tsx,mjs}').filter(({ path }) => !isTest(path))
}

function isLong({ text }: Source): boolean {
  return text.split('\n').length > fileLinesMax
}

function longComments({ path, text }: Source): string[] {
  return text
    .split('\n')
    .filter((line) => /^\s*(\/\/|\/?\*)/.test(line) && [...line].length > lineLengthMax)
    .map((line) => `${path}: ${line}`)
}

function isLoose({ text }: Source): boolean {
  const loose = /@ts-ignore|@ts-expect-error|biome-ignore/
  const unfinished = /\b(TODO|FIXME|XXX|HACK)\b|\bfor now\b|not implemented/i
  return loose.test(text) || unfinished.test(text)
}
