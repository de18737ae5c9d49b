import { sharedToken } from '../../../src/protocols/nemesis/commands/shared-token.ts'
import { SocketClient } from '../network/socket-client.ts'
import { type Credentials, inside, outside } from './world.ts'

/** The owner's session. It is shared, so its token is always the same. */
export const sessionName = 'coats'
export const sessionToken = String(sharedToken(sessionName))
/** The dump that the owner saved. */
export const dumpName = 'mine'

/** A command with its parameters. */
export interface NemesisRow {
  readonly command: string
  /** A column of the rules. */
  readonly kind: string
  /** Members as JSON text. Commands about a session have its token before them. */
  readonly parameters?: string
  readonly variant?: string
  /** Whether the command changes the owner's store when it is allowed. */
  readonly changes?: true
}

const added = 'new'

/** Commands about single keys, inside and outside of the prefixes. */
function keyRows(kinds: { read: string; write: string }, isNew = false): NemesisRow[] {
  return [
    { key: inside, variant: 'in' },
    { key: outside, variant: 'out' },
  ].flatMap(({ key, variant }) => {
    const read = { kind: `${kinds.read}-${variant}`, variant }
    const write = { kind: `${kinds.write}-${variant}`, variant, changes: true } as const
    const one = `"keys":["${key}"]`
    const values = `"keys":{"${key}":"changed"}`
    const fresh = `"keys":{"${key}-${added}":1}`
    const both: NemesisRow[] = [
      { command: 'KV_SET', parameters: values, ...write },
      { command: 'KV_ADD', parameters: fresh, ...write },
      { command: 'KV_GET', parameters: one, ...read },
      { command: 'KV_CONTAINS', parameters: one, ...read },
      { command: 'KV_RMV', parameters: one, ...write },
    ]
    if (isNew) return both
    return [
      ...both,
      { command: 'KV_SETQ', parameters: values, ...write },
      { command: 'KV_ADDQ', parameters: fresh, ...write },
      { command: 'KV_FIND', parameters: `${one},"path":"$","rsp":"kv"`, ...read },
      { command: 'KV_UPDATE', parameters: `"key":"${key}","path":"$","value":1`, ...write },
      { command: 'KV_INC', parameters: `"key":"${key}-${added}"`, ...write },
      { command: 'KV_SET', parameters: `${fresh},"if":0`, ...write },
    ]
  })
}

const clearing = `"keys":{"${inside}":1}`

/** Commands about one session. */
export const sessionRows: readonly NemesisRow[] = [
  ...keyRows({ read: 'read', write: 'write' }),
  { command: 'KV_FIND', kind: 'read-some', parameters: '"path":"$","rsp":"keys"' },
  { command: 'KV_KEYS', kind: 'read-some' },
  { command: 'KV_WATCH', kind: 'read-some' },
  { command: 'KV_UNWATCH', kind: 'read-some', parameters: '"watch":1' },
  { command: 'KV_COUNT', kind: 'read-all' },
  { command: 'SH_INFO', kind: 'read-all' },
  { command: 'KV_CLEAR', kind: 'write-all', changes: true },
  { command: 'KV_CLEAR_SET', kind: 'write-all', parameters: clearing, changes: true },
  { command: 'SH_END', kind: 'manage', changes: true },
]

/** Commands about all sessions of the caller, or about sessions that they name themselves. */
export const accountRows: readonly NemesisRow[] = [
  { command: 'SH_OPEN', kind: 'open', parameters: `"name":"${sessionName}"` },
  { command: 'SH_EXISTS', kind: 'exists', parameters: `"tkns":[${sessionToken}]` },
  { command: 'SH_NEW', kind: 'account-write', parameters: '"name":"n"', changes: true },
  { command: 'SH_INFO_ALL', kind: 'account-read' },
  { command: 'SH_SAVE', kind: 'account-read', parameters: '"name":"saved"' },
  {
    command: 'SH_SAVE',
    kind: 'account-read',
    variant: 'of one session',
    parameters: `"name":"saved","tkns":[${sessionToken}]`,
  },
  { command: 'SH_LOAD', kind: 'their-dump', parameters: `"names":["${dumpName}"]` },
  { command: 'SH_END_ALL', kind: 'account-manage', changes: true },
]

/** Commands of 0.9 without a session. */
export const storelessRows: readonly NemesisRow[] = [
  ...keyRows({ read: 'own', write: 'own-write' }, true),
  { command: 'KV_KEYS', kind: 'own-some' },
  { command: 'KV_COUNT', kind: 'own-all' },
  { command: 'KV_CLEAR', kind: 'own-write-all', changes: true },
  { command: 'KV_CLEAR_SET', kind: 'own-write-all', parameters: clearing, changes: true },
  { command: 'KV_SAVE', kind: 'own-all', parameters: '"name":"saved"' },
  { command: 'KV_LOAD', kind: 'own-load', parameters: `"name":"${dumpName}"` },
  { command: 'SV_INFO', kind: 'any' },
]

const lastAsked = '{"SH_EXISTS":{"tkns":[]}}'
const lastAnswered = '{"SH_EXISTS_RSP":{"st":1}}'

/** All answers to a message on a new connection; some commands have no answer. */
export async function answersTo(
  url: string,
  { token }: Credentials,
  message: string,
): Promise<string[]> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const client = await SocketClient.open(url, { headers })
  try {
    client.send(message)
    client.send(lastAsked)
    const answers: string[] = []
    for (;;) {
      const answer = await client.receive()
      if (answer === lastAnswered) return answers
      answers.push(answer)
    }
  } finally {
    client.close()
  }
}

/** The answer to a caller, in the words of the rules. */
export async function askNemesis(
  url: string,
  caller: Credentials,
  { command, parameters = '', session }: NemesisRow & { session?: string | undefined },
): Promise<string> {
  const members = [session && `"tkn":${session}`, parameters].filter(Boolean).join(',')
  try {
    const answers = await answersTo(url, caller, `{"${command}":{${members}}}`)
    return wordFor(command, answers.at(-1))
  } catch (error) {
    if (String(error).includes('Unexpected server response: 401')) return '401'
    throw error
  }
}

/**
 * The statuses of success: no answer, done, no such watch (a new connection has none), saved (0.9
 * and 0.4), loaded, loaded over data.
 */
const done = [undefined, 1, 22, 120, 121, 141, 143]

function wordFor(command: string, text: string | undefined): string {
  if (text === undefined) return 'ok'
  const body = JSON.parse(text)[`${command}_RSP`]
  const st = body.st ?? body[dumpName]?.st
  if (!done.includes(st)) return String(st)
  return command === 'SH_EXISTS' && body.tkns[sessionToken] !== true ? 'no' : 'ok'
}
