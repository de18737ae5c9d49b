import type { Project } from '../page/project.ts'
import { callingLine } from './calling-line.ts'
import { report } from './listeners.ts'

/**
 * The same for every visit of this browser, another one in each project. The first time, where no
 * call has brought it yet, it waits for the server, and the page with it. Undefined where that
 * failed.
 */
export type GetUserId = () => string | undefined

export function getUserIdFor(project: Project): GetUserId {
  return function getUserId() {
    if (project.userId === undefined) askFor(project, callingLine(getUserId))
    return project.userId
  }
}

/** Whoever is answered is known from then on. */
function askFor(project: Project, line: number | undefined): void {
  try {
    project.sendSync(project.userCall())
  } catch (error) {
    report(error, line)
  }
}
