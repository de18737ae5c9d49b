import type { PageRule } from '../../core/pages/project.ts'
import { type ListedProjectData, type ProjectData, projectNameOf } from '../api/project-address.ts'
import { textCell, timeCell } from '../terminal/readable.ts'
import type { Column, Screen } from '../terminal/screen.ts'

export const projectColumns: readonly Column<ListedProjectData>[] = [
  { title: 'CHANNEL', cellOf: ({ channelId }) => textCell(channelId) },
  { title: 'OWNER', cellOf: ({ username, userId }) => textCell(username ?? userId) },
  { title: 'NAME', cellOf: ({ name }) => textCell(name) },
  { title: 'PAIRS', isNumber: true, cellOf: ({ pairCount }) => textCell(String(pairCount)) },
  { title: 'OPEN', cellOf: ({ isOpen }) => textCell(yesOrNo(isOpen)) },
  { title: 'RULES', isNumber: true, cellOf: ({ rules }) => textCell(String(rules.length)) },
  { title: 'SEED', cellOf: ({ hasSeed }) => textCell(yesOrNo(hasSeed)) },
  { title: 'CREATED', cellOf: ({ createdAt }) => timeCell(createdAt) },
  { title: 'TITLE', cellOf: ({ title }) => textCell(title) },
]

/** Shows one project, with its page key. */
export function showProject(screen: Screen, project: ProjectData): void {
  const { rules } = project
  screen.facts([
    ['project', textCell(projectNameOf(project))],
    ['channel', textCell(project.channelId)],
    ['page key', textCell(project.pageKey)],
    ['store', textCell(project.storeId)],
    ['owner', textCell(project.username ?? project.userId)],
    ['title', textCell(project.title)],
    ['pairs', textCell(String(project.pairCount))],
    ['open without page key', textCell(yesOrNo(project.isOpen))],
    ['pages may delete', textCell(yesOrNo(project.mayDelete))],
    ['pages may list', textCell(listedBy(project))],
    ['seed', textCell(yesOrNo(project.hasSeed))],
    ['created', timeCell(project.createdAt)],
    ...rules.map((rule) => ['rule', textCell(describeRule(rule))] as const),
  ])
}

/** Says that no page can list keys yet, so that nobody relies on it. */
function listedBy({ listPrefixes }: ProjectData): string {
  if (listPrefixes.length === 0) return ''
  return listPrefixes.map((one) => JSON.stringify(one)).join(', ')
}

function describeRule({ key, prefix, preset }: PageRule): string {
  const where =
    key === undefined ? `prefix ${JSON.stringify(prefix)}` : `key ${JSON.stringify(key)}`
  return `${where}: ${preset}`
}

function yesOrNo(claim: boolean): string {
  return claim ? 'yes' : 'no'
}
