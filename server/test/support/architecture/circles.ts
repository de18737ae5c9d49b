/** Who imports whom: of each path, the paths that it imports. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>

/**
 * Every circle: a group of paths, sorted, in which each reaches each other (the strongly connected
 * components with more than one member, by Tarjan's algorithm).
 */
export function circlesOf(graph: Graph): string[][] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []
  const visit = (path: string): number => {
    const index = order.size
    order.set(path, index)
    let low = index
    open.push(path)
    for (const next of graph.get(path) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next))
      else if (open.includes(next)) low = Math.min(low, lowest.get(next) ?? order.get(next) ?? low)
    }
    lowest.set(path, low)
    if (low === index) {
      const circle = open.splice(open.indexOf(path))
      if (circle.length > 1) circles.push(circle.sort())
    }
    return low
  }
  for (const path of graph.keys()) if (!order.has(path)) visit(path)
  return circles
}

/** The same graph with folders in place of files; files of one folder are one. */
export function foldersOf(graph: Graph): Graph {
  const folders = new Map<string, Set<string>>()
  for (const [path, imported] of graph) {
    const from = folderOf(path)
    const targets = folders.get(from) ?? new Set()
    for (const to of imported) if (folderOf(to) !== from) targets.add(folderOf(to))
    folders.set(from, targets)
  }
  return folders
}

/** `.` for a file that is in no folder. */
export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.'
}
