/**
 * Who may import whom, by folder. An arrow that is not listed is forbidden. Paths start at
 * `server/src`; the rule with the longest matching path counts. `name/` and `node:` stand for all
 * that begins like this.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli/'],
  'cli/': ['cli/', 'composition/', 'installation/', 'core/', 'protocols/json/', 'node:'],
  'cli/records/watch.ts': ['cli/', 'composition/', 'core/', 'node:', 'eventsource-parser'],
  'cli/terminal/printable.ts': ['node:module'],
  'composition/': [
    'composition/',
    'installation/',
    'core/',
    'protocols/',
    'transport/',
    'node:fs',
    'node:path',
  ],
  'installation/': [
    'installation/',
    'core/',
    'engines/open.ts',
    'engines/postgres/link/address.ts',
    'transport/allowed-hosts.ts',
    'node:',
  ],
  'core/': ['core/', 'content-type', 'lru-cache', 'node:crypto', 'node:zlib'],
  'engines/open.ts': ['core/', 'engines/'],
  'engines/memory.ts': ['core/', 'sorted-btree'],
  'engines/lmdb/': ['engines/lmdb/', 'core/', 'lmdb', 'sorted-btree', 'node:'],
  'engines/postgres/': ['engines/postgres/', 'core/', 'pg', 'node:'],
  'engines/postgres/link/parser.ts': ['pg-protocol/dist/messages.js', 'pg-protocol/dist/parser.js'],
  'engines/conformance/': ['engines/conformance/', 'core/', 'vitest', 'fast-check'],
  'protocols/http/': ['protocols/http/', 'core/', 'transport/exchange.ts', 'node:', 'yazl'],
  'protocols/json/': [
    'protocols/json/',
    'protocols/http/',
    'core/',
    'ajv',
    'lru-cache',
    'node:',
    're2js',
  ],
  'protocols/pages/': [
    'protocols/pages/',
    'protocols/http/',
    'transport/exchange.ts',
    'node:crypto',
    'node:util',
    'node:zlib',
  ],
  'protocols/rest/': [
    'protocols/rest/',
    'protocols/http/',
    'protocols/json/',
    'core/',
    'transport/exchange.ts',
  ],
  ...doorRules('apify', ['transport/exchange.ts']),
  'protocols/apify/call/signatures.ts': ['core/', 'node:crypto'],
  ...doorRules('applab', ['transport/exchange.ts', 'lru-cache']),
  'protocols/applab/page/page-user.ts': ['core/', 'node:crypto'],
  ...doorRules('coatcheck', ['transport/exchange.ts']),
  ...doorRules('nemesis', ['transport/socket-exchange.ts']),
  'protocols/nemesis/dumps/': ['protocols/nemesis/', 'protocols/json/', 'core/', 'node:'],
  'transport/': ['transport/', 'core/kernel/', 'lru-cache', 'node:'],
  'transport/socket/': ['transport/', 'core/kernel/', 'node:', 'ws'],
  'transport/testing/': ['transport/', 'core/kernel/', 'node:', 'ws', 'vitest'],
}

/** A door knows itself, what the doors share, and the domain; never an engine or another door. */
function doorRules(name: string, more: readonly string[]): Record<string, readonly string[]> {
  const shared = ['protocols/http/', 'protocols/json/', 'protocols/rest/', 'core/']
  return { [`protocols/${name}/`]: [`protocols/${name}/`, ...shared, ...more] }
}

/** The folders of the core, lowest first: a file imports only its own folder and lower ones. */
const coreFolders: readonly string[] = [
  'kernel',
  'engine',
  'disk',
  'clock',
  'idempotency',
  'log',
  'values',
  'people',
  'pages',
  'identity',
  'access',
  'records',
  'history',
  'stores',
  'upkeep',
  // core/domain.ts puts them all together; core/testing is for tests.
  'domain.ts',
  'testing',
]

/** Paths go from `server/src`. */
export function mayImport(path: string, imported: string): boolean {
  const [rule] = Object.keys(allowed)
    .filter((prefix) => path.startsWith(prefix))
    .sort((a, b) => b.length - a.length)
  const targets = rule === undefined ? [] : (allowed[rule] ?? [])
  const isListed = targets.some((target) =>
    /[/:]$/.test(target) ? imported.startsWith(target) : imported === target,
  )
  return isListed && !isUpwards(path, imported)
}

/** Whether a file of the core imports a higher folder of the core, or one that has no place. */
function isUpwards(path: string, imported: string): boolean {
  const [from, to] = [path, imported].map(coreFolderOf)
  if (from === undefined || to === undefined) return false
  const [low, high] = [coreFolders.indexOf(to), coreFolders.indexOf(from)]
  return low < 0 || high < 0 || low > high
}

function coreFolderOf(path: string): string | undefined {
  const [root, folder] = path.split('/')
  return root === 'core' ? folder : undefined
}
