import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import type { Graph } from './circles.ts'

/** A file of source code. */
export interface Source {
  /** Relative to the folder that was read, with slashes. */
  readonly path: string
  readonly text: string
  /** Paths relative to that folder, or names of packages; type imports count. */
  readonly imports: readonly string[]
}

/** All files below a folder that match the pattern; fixtures and packages are left out. */
export function readSources(folder: string, pattern = '**/*.ts'): Source[] {
  return pathsBelow(folder, pattern).map((path) => {
    const file = join(folder, path)
    const text = readFileSync(file, 'utf8')
    return { path, text, imports: importsOf(text, file, folder) }
  })
}

/** Paths of files, relative to the folder, with slashes. */
export function pathsBelow(folder: string, pattern = '**/*.*'): string[] {
  const exclude = (name: string): boolean => /(^|[\\/])(node_modules|fixtures|dist)$/.test(name)
  return globSync(pattern, { cwd: folder, exclude }).map(slashed)
}

function importsOf(text: string, file: string, folder: string): string[] {
  const found = text.matchAll(/(?:^(?:import |export |\} )(?:.*from )?|\bimport\(\s*)'([^']+)'/gm)
  return [...found].map(([, name = '']) =>
    name.startsWith('.') ? slashed(relative(folder, resolve(dirname(file), name))) : name,
  )
}

/** Who imports whom among these sources. */
export function graphOf(sources: readonly Source[]): Graph {
  const paths = new Set(sources.map(({ path }) => path))
  return new Map(
    sources.map(({ path, imports }) => [path, new Set(imports.filter((name) => paths.has(name)))]),
  )
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

function slashed(path: string): string {
  return path.split(sep).join('/')
}
