import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { mayImport } from './support/layers.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const sources = join(root, 'server/src')
const clientSources = join(root, 'client/src')
const consoleSources = join(root, 'console/src')
const fileLinesMax = 400
const lineLengthMax = 100

interface Source {
  /** From the folder that was read, with slashes. */
  readonly path: string
  readonly text: string
  /** Paths from there, or names of packages. */
  readonly imports: readonly string[]
}

describe('the house', () => {
  const all = readSources(sources)
  const shipped = all.filter(({ path }) => !isTest(path))

  it('has sources to look at', () => {
    expect(shipped.length).toBeGreaterThan(40)
    expect(shipped.flatMap(({ imports }) => imports).length).toBeGreaterThan(200)
  })

  it('lets nobody know whom it should not know', () => {
    const arrows = shipped.flatMap((source) =>
      source.imports
        .filter((imported) => !mayImport(source.path, imported))
        .map((imported) => `${source.path} -> ${imported}`),
    )
    expect(arrows).toEqual([])
  })

  it('recognises a forbidden arrow', () => {
    expect(mayImport('core/stores/store.ts', 'engines/lmdb/lmdb.ts')).toBe(false)
    expect(mayImport('core/stores/store.ts', 'node:fs')).toBe(false)
    expect(mayImport('protocols/apify/records/keys.ts', 'engines/lmdb/lmdb.ts')).toBe(false)
    expect(mayImport('protocols/rest/door.ts', 'protocols/apify/routes.ts')).toBe(false)
    expect(mayImport('transport/http/http.ts', 'protocols/apify/apify.ts')).toBe(false)
    expect(mayImport('engines/lmdb/lmdb.ts', 'engines/memory.ts')).toBe(false)
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

  it(`keeps every file under ${fileLinesMax} lines`, () => {
    expect(all.filter(isLong).map(({ path }) => path)).toEqual([])
  })

  it(`keeps comments within ${lineLengthMax} columns, as the formatter keeps code`, () => {
    expect(all.flatMap(longComments)).toEqual([])
  })

  it('has functions under 60 lines: the linter fails on a longer one', () => {
    const rules = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')).linter.rules
    expect(rules.complexity.noExcessiveLinesPerFunction).toEqual({
      level: 'error',
      options: { maxLines: 60 },
    })
  })

  it('silences no tool and has no word of unfinished work', () => {
    expect(shipped.filter(isLoose).map(({ path }) => path)).toEqual([])
  })
})

describe('the client', () => {
  const all = readSources(clientSources)
  const shipped = all.filter(({ path }) => !isTest(path))

  it('knows nobody but itself, so that it runs in browsers', () => {
    const paths = new Set(shipped.map(({ path }) => path))
    const arrows = shipped.flatMap(({ path, imports }) =>
      imports.filter((name) => !paths.has(name)).map((name) => `${path} -> ${name}`),
    )
    expect(shipped.flatMap(({ imports }) => imports).length).toBeGreaterThan(10)
    expect(arrows).toEqual([])
  })

  it('names nothing that Node alone has', () => {
    expect(shipped.filter(({ text }) => /\b(Buffer|process|global)\./.test(text))).toEqual([])
  })
})

describe('the console', () => {
  const all = readSources(consoleSources)
  const shipped = all.filter(({ path }) => !isTest(path))
  const isOther = (name: string): boolean =>
    !/^\.\.\/\.\.\/client\/src\/|^@codemirror\/|^@lezer\/highlight$/.test(name)

  it('knows itself, the client and its editor alone: all else it asks the server', () => {
    const paths = new Set(shipped.map(({ path }) => path))
    const arrows = shipped.flatMap(({ path, imports }) =>
      imports
        .filter((name) => !paths.has(name) && isOther(name))
        .map((name) => `${path} -> ${name}`),
    )
    expect(shipped.flatMap(({ imports }) => imports).length).toBeGreaterThan(30)
    expect(arrows).toEqual([])
  })

  it('reads no text as HTML', () => {
    const parsing = /innerHTML|outerHTML|insertAdjacentHTML|document\.write/
    expect(shipped.filter(({ text }) => parsing.test(text)).map(({ path }) => path)).toEqual([])
  })
})

describe.each(['client/src', 'client/test', 'console/src', 'server/test', 'bench', 'scripts'])(
  'what stands in %s',
  (folder) => {
    const all = readSources(join(root, folder), '**/*.{ts,mjs,css}')

    it('keeps the rules of the house that no linter knows', () => {
      expect(all.length).toBeGreaterThan(1)
      expect(all.filter(isLong).map(({ path }) => path)).toEqual([])
      expect(all.flatMap(longComments)).toEqual([])
      const shipped = all.filter(({ path }) => !isTest(path))
      expect(shipped.filter(isLoose).map(({ path }) => path)).toEqual([])
    })
  },
)

function readSources(folder: string, pattern = '**/*.ts'): Source[] {
  const exclude = (name: string): boolean => /(^|[\\/])(node_modules|fixtures)$/.test(name)
  return globSync(pattern, { cwd: folder, exclude }).map((path) =>
    readSource(folder, join(folder, path)),
  )
}

function readSource(folder: string, file: string): Source {
  const text = readFileSync(file, 'utf8')
  const found = text.matchAll(/(?:^(?:import |export |\} ).*from |\bimport\()'([^']+)'/gm)
  const imports = [...found].map(([, name = '']) =>
    name.startsWith('.') ? slashed(relative(folder, resolve(dirname(file), name))) : name,
  )
  return { path: slashed(relative(folder, file)), text, imports }
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

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.endsWith('/testing.ts')
}

function slashed(path: string): string {
  return path.split(sep).join('/')
}
