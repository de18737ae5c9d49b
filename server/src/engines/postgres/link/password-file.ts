import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Where PostgreSQL has its Unix socket, if nobody set another place: in Debian, and elsewhere. */
export const socketFolders: readonly string[] = ['/var/run/postgresql', '/run/postgresql', '/tmp']

/** The connection to find a password for. */
export interface PasswordOwner {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

/** A password file of libpq. Each line has the form host:port:database:user:password. */
export class PasswordFile {
  readonly #lines: readonly (readonly string[])[]

  constructor(text: string) {
    this.#lines = text
      .split(/\r?\n/)
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(fieldsOf)
  }

  /**
   * The password of the first line that matches; `*` matches everything, and `localhost` also the
   * usual Unix sockets. An empty password counts as none.
   */
  find({ host, port, database, user }: PasswordOwner): string | undefined {
    const asked = [host, String(port), database, user]
    const line = this.#lines.find((fields) =>
      asked.every((text, index) => {
        const field = fields[index]
        const isUsualSocket = index === 0 && field === 'localhost' && socketFolders.includes(host)
        return field === '*' || field === text || isUsualSocket
      }),
    )
    return line?.[asked.length] || undefined
  }
}

/**
 * Reads the file of PGPASSFILE, or ~/.pgpass, which may be missing. A file that others may read is
 * refused; libpq only warns.
 * https://www.postgresql.org/docs/current/libpq-pgpass.html
 * Throws Error with a sentence.
 */
export function readPasswordFile(
  environment: Readonly<Record<string, string | undefined>>,
): PasswordFile {
  const { PGPASSFILE: given, HOME: home } = environment
  if (given) return read(given)
  const usual = home && join(home, '.pgpass')
  return usual && statSync(usual, { throwIfNoEntry: false }) ? read(usual) : new PasswordFile('')
}

function read(file: string): PasswordFile {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode
  if (mode === undefined) throw new Error(`The password file ${file} does not exist.`)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Error(`Others may read the password file ${file}: change it to mode 0600.`)
  }
  // Decoded without a byte order mark: it would become a part of the first host's name.
  return new PasswordFile(new TextDecoder().decode(readFileSync(file)))
}

/** Colons separate the fields. A backslash precedes a colon or a backslash inside a field. */
function fieldsOf(line: string): string[] {
  const fields = line.match(/(?:\\.|[^:\\])*(?::|$)/g) ?? []
  return fields.map((field) => field.replace(/:$/, '').replace(/\\(.)/g, '$1'))
}
