import { onTestFinished } from 'vitest'
import { SocketClient } from './socket-client.ts'

export type Body = Record<string, unknown>

/** A connection with its own session, whose token fits a JavaScript number exactly. */
export class NemesisSession {
  readonly client: SocketClient
  readonly token: number

  constructor(client: SocketClient, token: number) {
    this.client = client
    this.token = token
  }

  /** Opens a connection and a session; both end with the test. */
  static async open(url: string, parameters: Body = {}): Promise<NemesisSession> {
    const client = await openSocket(url)
    const { tkn } = await client.command('SH_NEW', { name: 'test', ...parameters })
    return new NemesisSession(client, Number(tkn))
  }

  /** The body of the answer to a command of this session. */
  command(name: string, parameters: Body = {}): Promise<Body> {
    return this.client.command(name, { tkn: this.token, ...parameters })
  }

  /** The whole answer as text; `members` is JSON text, as are the members of an object. */
  askRaw(name: string, members: string): Promise<string> {
    return this.client.ask(this.raw(name, members))
  }

  raw(name: string, members = ''): string {
    return `{"${name}":{"tkn":${this.token}${members && `,${members}`}}}`
  }
}

/** A connection that ends with the test. */
export async function openSocket(
  url: string,
  options: { headers?: Record<string, string>; origin?: string } = {},
): Promise<SocketClient> {
  const client = await SocketClient.open(url, options)
  onTestFinished(() => client.close())
  return client
}
