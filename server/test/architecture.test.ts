import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

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

/** Who may know whom. Any arrow that is not listed is forbidden; a path also stands for its folder. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli/'],
  'cli/': [
    'cli/',
    'server.ts',
    'copy-data.ts',
    'opened-data.ts',
    'start-error.ts',
    'config.ts',
    'data-folder.ts',
    'local-doors.ts',
    'version.ts',
    'core/',
    'node:',
  ],
  'cli/printable.ts': ['string-width'],
  'cli/pairs-file.ts': [
    'cli/command-errors.ts',
    'protocols/json-text-error.ts',
    'protocols/json-text.ts',
    'node:',
  ],
  'server.ts': [
    'closers.ts',
    'config.ts',
    'nemesis-port.ts',
    'data-folder.ts',
    'first-start.ts',
    'local-doors.ts',
    'opened-data.ts',
    'start-error.ts',
    'version.ts',
    'web-files.ts',
    'core/',
    'protocols/',
    'transport/',
  ],
  'web-files.ts': ['protocols/web-files.ts', 'node:fs', 'node:path'],
  'opened-data.ts': [
    'closers.ts',
    'config.ts',
    'data-folder.ts',
    'start-error.ts',
    'core/',
    'engines/open.ts',
    'node:path',
  ],
  'copy-data.ts': [
    'data-folder.ts',
    'start-error.ts',
    'core/',
    'engines/open.ts',
    'engines/postgres-address.ts',
    'node:',
  ],
  'first-start.ts': ['config.ts', 'data-folder.ts', 'start-error.ts', 'core/'],
  'closers.ts': ['core/environment.ts'],
  'start-error.ts': [],
  'version.ts': ['node:fs'],
  'config.ts': [
    'core/health.ts',
    'engines/postgres-address.ts',
    'transport/allowed-hosts.ts',
    'node:',
  ],
  'data-folder.ts': ['node:'],
  'local-doors.ts': ['core/value.ts', 'transport/exchange.ts'],
  'core/': ['core/', 'node:crypto', 'node:zlib'],
  'engines/open.ts': [
    'core/installed-engine.ts',
    'engines/lmdb.ts',
    'engines/memory.ts',
    'engines/postgres.ts',
    'engines/postgres-address.ts',
  ],
  'engines/lmdb': [
    'core/',
    'engines/lmdb-cache.ts',
    'engines/lmdb-draft.ts',
    'engines/lmdb-entry.ts',
    'engines/lmdb-failure.ts',
    'engines/lmdb-file.ts',
    'engines/lmdb-half.ts',
    'engines/lmdb-index.ts',
    'engines/lmdb-journal.ts',
    'engines/lmdb-merge.ts',
    'engines/lmdb-pace.ts',
    'engines/lmdb-tables.ts',
    'lmdb',
    'node:',
    'sorted-btree',
  ],
  'engines/memory.ts': ['core/', 'sorted-btree'],
  'engines/postgres': [
    'core/',
    'engines/postgres-address.ts',
    'engines/postgres-array.ts',
    'engines/postgres-batch.ts',
    'engines/postgres-commit.ts',
    'engines/postgres-failure.ts',
    'engines/postgres-gate.ts',
    'engines/postgres-health.ts',
    'engines/postgres-lane.ts',
    'engines/postgres-parser.ts',
    'engines/postgres-password-file.ts',
    'engines/postgres-primary.ts',
    'engines/postgres-reader.ts',
    'engines/postgres-restore.ts',
    'engines/postgres-schema.ts',
    'engines/postgres-session.ts',
    'engines/postgres-statements.ts',
    'engines/postgres-watch.ts',
    'engines/postgres-writer.ts',
    'node:',
    'pg',
  ],
  'engines/postgres-parser.ts': ['pg-protocol/dist/messages.js', 'pg-protocol/dist/parser.js'],
  'engines/faulty.ts': ['core/engine.ts'],
  'engines/conformance': [
    'core/engine.ts',
    'core/installed-engine.ts',
    'engines/conformance-basics.ts',
    'engines/conformance-model.ts',
    'engines/conformance-order.ts',
    'engines/conformance-restore.ts',
    'engines/faulty.ts',
    'vitest',
    'fast-check',
  ],
  'protocols/applab/': [
    'protocols/applab/',
    'protocols/entity-tags.ts',
    'protocols/json-text-error.ts',
    'protocols/json-text.ts',
    'protocols/json-value.ts',
    'protocols/key-values.ts',
    'protocols/preconditions.ts',
    'protocols/rest/',
    'core/',
    'transport/exchange.ts',
  ],
  'protocols/applab/page-user.ts': ['core/environment.ts', 'core/project.ts', 'node:crypto'],
  'protocols/apify/': [
    'protocols/apify/',
    'protocols/byte-range.ts',
    'protocols/content-encoding.ts',
    'protocols/entity-tags.ts',
    'protocols/http-date.ts',
    'protocols/json-schema.ts',
    'protocols/json-value.ts',
    'protocols/preconditions.ts',
    'protocols/rest/',
    'protocols/zip.ts',
    'core/',
    'transport/exchange.ts',
  ],
  'protocols/apify/signatures.ts': ['node:crypto'],
  'protocols/coatcheck/': [
    'protocols/coatcheck/',
    'protocols/key-values.ts',
    'protocols/rest/',
    'core/',
    'transport/exchange.ts',
  ],
  'nemesis-port.ts': [
    'config.ts',
    'core/',
    'protocols/nemesis/',
    'transport/allowed-hosts.ts',
    'transport/socket-exchange.ts',
    'transport/websocket.ts',
  ],
  'protocols/nemesis/': [
    'protocols/nemesis/',
    'protocols/json-path.ts',
    'protocols/json-path/error.ts',
    'protocols/json-text-error.ts',
    'protocols/json-tree.ts',
    'protocols/json-text.ts',
    'protocols/json-value.ts',
    'core/',
    'transport/socket-exchange.ts',
  ],
  'protocols/nemesis/dump-files.ts': [
    'protocols/nemesis/',
    'core/environment.ts',
    'node:fs/promises',
    'node:path',
  ],
  'protocols/nemesis/dump-writer.ts': ['protocols/nemesis/', 'node:fs/promises', 'node:path'],
  'protocols/rest/': [
    'protocols/rest/',
    'protocols/content-encoding.ts',
    'core/',
    'transport/exchange.ts',
  ],
  'protocols/rest/json-members.ts': [
    'protocols/rest/',
    'protocols/json-text.ts',
    'protocols/json-text-error.ts',
  ],
  'protocols/key-values.ts': ['core/', 'protocols/json-text.ts', 'protocols/json-value.ts'],
  'protocols/json-schema.ts': ['protocols/json-schema-process.ts', 'core/', 'node:'],
  'protocols/json-schema-process.ts': ['core/limits.ts', 'node:vm', 'ajv'],
  'protocols/play.ts': ['protocols/web-files.ts', 'transport/exchange.ts'],
  'protocols/web-files.ts': ['protocols/entity-tags.ts', 'transport/exchange.ts', 'node:crypto'],
  'protocols/zip.ts': ['core/engine.ts', 'node:', 'yazl'],
  'protocols/json-value.ts': ['core/', 'protocols/content-encoding.ts'],
  'protocols/json-path.ts': [
    'protocols/json-path/',
    'protocols/json-text.ts',
    'protocols/json-tree.ts',
    'core/limits.ts',
  ],
  'protocols/json-path/': ['protocols/json-path/', 'protocols/json-text.ts'],
  'protocols/json-path/compile.ts': [
    'protocols/json-path/',
    'protocols/json-text.ts',
    'core/assert.ts',
    'json-p3',
  ],
  'protocols/json-path/pattern.ts': ['protocols/json-path/', 're2js'],
  'protocols/json-path/syntax.ts': ['protocols/json-path/', 'core/limits.ts', 'json-p3'],
  'protocols/json-tree.ts': ['protocols/json-text.ts', 'core/limits.ts'],
  'protocols/json-text.ts': ['protocols/json-scan.ts', 'core/assert.ts', 'core/limits.ts'],
  'protocols/json-scan.ts': [
    'protocols/json-cuts.ts',
    'protocols/json-names.ts',
    'protocols/json-string.ts',
    'protocols/json-text-error.ts',
  ],
  'protocols/json-names.ts': ['protocols/json-string.ts'],
  'protocols/json-cuts.ts': [],
  'protocols/json-string.ts': [],
  'protocols/json-text-error.ts': [],
  'protocols/content-encoding.ts': [
    'core/engine.ts',
    'node:zlib',
    'node:stream',
    'node:stream/promises',
  ],
  'protocols/byte-range.ts': ['core/value.ts'],
  'protocols/entity-tags.ts': ['core/engine.ts'],
  'protocols/http-date.ts': [],
  'protocols/preconditions.ts': [
    'protocols/entity-tags.ts',
    'protocols/http-date.ts',
    'core/environment.ts',
    'core/record.ts',
    'transport/exchange.ts',
  ],
  'transport/': ['transport/', 'core/engine.ts', 'core/errors.ts', 'node:'],
  'transport/socket-client.ts': ['ws'],
  'transport/socket-upgrades.ts': ['transport/', 'node:', 'ws'],
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
    expect(mayImport('core/store.ts', 'engines/lmdb.ts')).toBe(false)
    expect(mayImport('core/store.ts', 'node:fs')).toBe(false)
    expect(mayImport('protocols/apify/keys.ts', 'engines/lmdb.ts')).toBe(false)
    expect(mayImport('protocols/rest/door.ts', 'protocols/apify/routes.ts')).toBe(false)
    expect(mayImport('transport/http.ts', 'protocols/apify/apify.ts')).toBe(false)
    expect(mayImport('engines/lmdb.ts', 'engines/memory.ts')).toBe(false)
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

  it('keeps the rules of the house that no linter knows', () => {
    expect(all.filter(isLong).map(({ path }) => path)).toEqual([])
    expect(all.flatMap(longComments)).toEqual([])
    expect(shipped.filter(isLoose).map(({ path }) => path)).toEqual([])
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

  it('keeps the rules of the house that no linter knows', () => {
    expect(all.filter(isLong).map(({ path }) => path)).toEqual([])
    expect(all.flatMap(longComments)).toEqual([])
    expect(shipped.filter(isLoose).map(({ path }) => path)).toEqual([])
  })
})

function readSources(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readSource(folder, join(entry.parentPath, entry.name)))
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

/** The rule whose path is the longest that fits. */
function mayImport(path: string, imported: string): boolean {
  const [rule] = Object.keys(allowed)
    .filter((prefix) => path.startsWith(prefix))
    .sort((a, b) => b.length - a.length)
  const targets = rule === undefined ? [] : (allowed[rule] ?? [])
  return targets.some((target) =>
    target.endsWith('/') || target.endsWith(':')
      ? imported.startsWith(target)
      : imported === target,
  )
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.endsWith('/testing.ts')
}

function slashed(path: string): string {
  return path.split(sep).join('/')
}
