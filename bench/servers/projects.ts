import { token } from './server-process.ts'

/** A project, and its store. */
export interface Project {
  readonly channelId: string
  readonly storeId: string
}

/** Makes a project that is open to pages. */
export async function createProject(port: number, name: string): Promise<Project> {
  const response = await fetch(`http://127.0.0.1:${port}/applab/projects`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, isOpen: true }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`No project: ${response.status} ${text}`)
  const { data }: { data: Project } = JSON.parse(text)
  return data
}

/** As browsers send it from a page of another origin, without headers that do not matter here. */
export function pageRequest(method: 'GET' | 'POST', path: string, json?: string): Buffer {
  const start = `${method} /datablock_storage/${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`
  const origin = 'Origin: http://school.example\r\n'
  if (json === undefined) return Buffer.from(`${start}${origin}\r\n`)
  const type = 'Content-Type: application/json\r\n'
  const length = `Content-Length: ${Buffer.byteLength(json)}\r\n`
  return Buffer.from(`${start}${origin}${type}${length}\r\n${json}`)
}
