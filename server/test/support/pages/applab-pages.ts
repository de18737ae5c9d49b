import { afterAll, beforeAll } from 'vitest'
import { startTestServer, type TestServer } from '../network/test-server.ts'
import { ApplabProject } from './applab-project.ts'
import { pageScript } from './page-script.ts'
import { PageSite, type Visit } from './page-site.ts'

export interface ApplabPages {
  server(): TestServer
  site(): PageSite
  /** The tag of the page script for a new project. */
  script(): Promise<string>
  /**
   * A page of a new project, with code of its own from the second line on, in place of the page
   * that was visited before.
   */
  visit(code?: string): Promise<Visit>
}

/** A server, and a site of another origin with a browser, for all tests of a file. */
export function useApplabPages(): ApplabPages {
  let running: { readonly server: TestServer; readonly site: PageSite } | undefined
  const pages = (): NonNullable<typeof running> => {
    if (!running) throw new Error('The server runs only inside tests.')
    return running
  }
  beforeAll(async () => {
    running = { server: await startTestServer(), site: await PageSite.open() }
  })
  afterAll(async () => {
    await running?.site.close()
    await running?.server.close()
  })
  const script = async (): Promise<string> => {
    const { server } = pages()
    return pageScript(server.url, await ApplabProject.create(server))
  }
  return {
    server: () => pages().server,
    site: () => pages().site,
    script,
    visit: async (code = '') =>
      pages().site.visitNext(`${await script()}<script>\n${code}</script>`),
  }
}
