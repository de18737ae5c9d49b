import { Remote } from './remote.ts'

/** A project of App Lab pages on a server. */
export interface PageProject {
  readonly channelId: string
  readonly pageKey: string
  readonly storeId: string
  /** What defines the functions in a page: the script's tag, with the page key. */
  readonly script: string
}

export async function createPageProject(
  server: { readonly url: string; readonly token: string },
  name: string,
): Promise<PageProject> {
  const asked = { method: 'POST', token: server.token, json: { name } }
  const { data } = await new Remote(server.url).do('/applab/projects', asked)
  const { channelId, pageKey, storeId } = data
  return { channelId, pageKey, storeId, script: pageScript(server.url, { channelId, pageKey }) }
}

/** The script's tag; attributes that are undefined are left out. */
export function pageScript(
  url: string,
  { channelId, pageKey }: { readonly channelId?: string; readonly pageKey?: string },
): string {
  const channel = channelId === undefined ? '' : ` data-channel="${channelId}"`
  const key = pageKey === undefined ? '' : ` data-key="${pageKey}"`
  return `<script src="${url}/applab.js"${channel}${key}></script>`
}
