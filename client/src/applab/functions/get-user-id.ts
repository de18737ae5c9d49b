import type { Project } from '../page/project.ts'
import { callingLine } from './calling-line.ts'
import { report } from './listeners.ts'

/**
 * The id of the user: the same for every visit with this browser, another one in each project. If
 * no call has brought it yet, it blocks the page until the server answers. Undefined if that
 * failed.
 */
export type GetUserId = () => string | undefined

export function getUserIdFor(project: Project): GetUserId {
  return function getUserId() {
    if (project.userId === undefined) askFor(project, callingLine(getUserId))
    return project.userId
  }
}

/** Makes a call whose answer brings the id. */
function askFor(project: Project, line: number | undefined): void {
  try {
    project.sendSync(project.userCall())
  } catch (error) {
    report(error, line)
  }
}
