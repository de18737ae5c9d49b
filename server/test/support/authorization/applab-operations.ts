import { type Answered, type Asked, Remote } from '../network/remote.ts'
import { inside, outside, type World } from './world.ts'

/** A request of the App Lab door. */
export interface ApplabRow {
  /** `METHOD path`, as the table of routes has them. */
  readonly at: string
  /** A column of the rules. */
  readonly kind: string
  readonly variant?: string
  readonly parameters?: Readonly<Record<string, string>>
  /** Whether the request changes the data of the project when it is allowed. */
  readonly changes?: true
}

const project = '/datablock_storage/:channel'

/** Calls about one key, inside and outside of the prefixes. */
const keyRows = [
  { key: inside, variant: 'in' },
  { key: outside, variant: 'out' },
].flatMap(({ key, variant }): ApplabRow[] => [
  { at: `GET ${project}/get_key_value`, kind: `read-${variant}`, variant, parameters: { key } },
  { at: `HEAD ${project}/get_key_value`, kind: `read-${variant}`, variant, parameters: { key } },
  { at: `GET ${project}/changes`, kind: `read-${variant}`, variant, parameters: { key } },
  {
    at: `POST ${project}/set_key_value`,
    kind: `set-${variant}`,
    variant,
    parameters: { key, value: '"changed"' },
    changes: true,
  },
  {
    at: `POST ${project}/set_key_value`,
    kind: `set-${variant}`,
    variant: `${variant}, to null`,
    parameters: { key, value: 'null' },
    changes: true,
  },
  {
    at: `POST ${project}/update_key_value`,
    kind: `set-${variant}`,
    variant,
    parameters: { key, update: '{"op":"merge","patch":"changed"}' },
    changes: true,
  },
  {
    at: `DELETE ${project}/delete_key_value`,
    kind: `delete-${variant}`,
    variant,
    parameters: { key },
    changes: true,
  },
  {
    at: `PUT ${project}/populate_key_values`,
    kind: `write-${variant}`,
    variant,
    parameters: { key_values_json: JSON.stringify({ [`${inside}-2`]: 1, [`${key}-3`]: 2 }) },
    changes: true,
  },
])

/** All endpoints of the App Lab door. */
export const applabRows: readonly ApplabRow[] = [
  ...keyRows,
  { at: `GET ${project}/get_key_values`, kind: 'read-some' },
  { at: `HEAD ${project}/get_key_values`, kind: 'read-some' },
  { at: `GET ${project}/list_key_values`, kind: 'list', parameters: { prefix: inside } },
  { at: `HEAD ${project}/list_key_values`, kind: 'list', parameters: { prefix: inside } },
  { at: `GET ${project}/changes`, kind: 'list', variant: 'prefix', parameters: { prefix: inside } },
  { at: `HEAD ${project}/changes`, kind: 'list', parameters: { prefix: inside } },
  { at: `GET ${project}/changes`, kind: 'manage', variant: 'names', parameters: { who: '1' } },
  { at: `HEAD ${project}/changes`, kind: 'manage', variant: 'names', parameters: { who: '1' } },
  { at: `GET ${project}/project_has_data`, kind: 'read-some' },
  { at: `HEAD ${project}/project_has_data`, kind: 'read-some' },
  { at: `DELETE ${project}/clear_all_data`, kind: 'write-all', changes: true },
  { at: `GET ${project}/user_id`, kind: 'user' },
  { at: `HEAD ${project}/user_id`, kind: 'user' },
]

/** The page keys that callers may send. */
export interface PageKeys {
  readonly right: string
  readonly ofAnother: string
}

type Come = (world: World, keys: PageKeys) => Asked & { readonly query?: string }

const pages: Readonly<Record<string, Come>> = {
  'a page with the key': (_, { right }) => shown(right),
  'a page with the key in the query': (_, { right }) => ({ query: `pageKey=${right}` }),
  'a page with a wrong key': () => shown('ck_page_wrong'),
  "a page with another project's key": (_, { ofAnother }) => shown(ofAnother),
  "another user's page with the key": (world, { right }) => ({
    ...shown(right),
    token: world.tokenOf('stranger'),
  }),
  "the owner's page with a wrong key": (world) => ({
    ...shown('ck_page_wrong'),
    token: world.tokenOf('jane'),
  }),
}

function shown(pageKey: string): Asked {
  return { headers: { 'X-Page-Key': pageKey } }
}

export const pageNames: readonly string[] = Object.keys(pages)

/** The answer to a caller, in the words of the rules. */
export async function askApplab(
  url: string,
  { at, parameters = {} }: ApplabRow,
  { world, caller, keys }: { world: World; caller: string; keys: PageKeys },
): Promise<string> {
  const [method = '', template = ''] = at.split(' ')
  const { query = '', ...asked } = pages[caller]?.(world, keys) ?? credentials(world, caller)
  const search = [new URLSearchParams(parameters).toString(), query].filter(Boolean).join('&')
  const path = template.replace(':channel', world.fill(':channel', 'id'))
  return wordFor(method, await new Remote(url).send(`${path}?${search}`, { method, ...asked }))
}

function credentials(world: World, caller: string): ReturnType<Come> {
  const { token, signature } = world.as(caller)
  return { token, ...(signature && { query: `signature=${signature}` }) }
}

const words: Readonly<Record<string, string>> = {
  '401 LOGIN_REQUIRED': 'login',
  '403 NOT_ALLOWED': 'no',
  '404 PROJECT_NOT_FOUND': 'none',
  '401 PAGE_KEY_MISSING': 'key',
  '401 PAGE_KEY_INVALID': 'wrong',
}

/** The reply to a HEAD has no body, so it shows no error type. */
function wordFor(method: string, { status, text }: Answered): string {
  if (status === 200) return 'ok'
  if (method === 'HEAD') return String(status)
  const answer = `${status} ${JSON.parse(text).type}`
  return words[answer] ?? answer
}

/** The word for a HEAD whose GET would have `word`. */
export function headWord(word: string): string {
  const answer = Object.entries(words).find(([, one]) => one === word)?.[0]
  return answer?.split(' ')[0] ?? word
}
