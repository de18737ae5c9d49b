import { writeFile } from 'node:fs/promises'
import { reasonOf } from '../../core/kernel/errors.ts'
import { pathOf } from '../api/local-api.ts'
import {
  findProject,
  type ProjectData,
  projectNameOf,
  projectPath,
} from '../api/project-address.ts'
import type { Command, CommandCall } from '../commands/command.ts'
import { CommandError, UsageError } from '../terminal/command-errors.ts'
import { confirm } from '../terminal/confirm.ts'
import { readPairs, standard } from './pairs-file.ts'

interface ImportedData {
  readonly added: number
  readonly overwritten: number
  readonly kept: number
  readonly leftOut: number
}

interface SeedData {
  readonly pairs: number
  readonly leftOut: number
}

const flag = { type: 'boolean' } as const

/** The commands of `coatcheck project` that work on a project's pairs. */
export const projectDataCommands: Readonly<Record<string, Command>> = {
  export: {
    usage: 'project export PROJECT [FILE]',
    about: 'prints all pairs as one JSON object, {key: value}, or writes it to FILE',
    words: { min: 1, max: 2 },
    onlyReads: true,
    run: exportPairs,
  },
  import: {
    usage: 'project import PROJECT FILE|- [--overwrite]',
    about:
      'adds the pairs of such a JSON object, from a file or from standard input (-).\n' +
      'Keys that exist keep their values, unless --overwrite is given',
    flags: { overwrite: flag },
    words: { min: 2, max: 2 },
    run: importPairs,
  },
  seed: {
    usage: 'project seed PROJECT [FILE|-|--none]',
    about:
      'prints the seed, which is the pairs that reset puts back. FILE, or standard input (-),\n' +
      'sets the seed; --none removes it',
    flags: { none: flag },
    words: { min: 1, max: 2 },
    onlyReads: (given) => given.wordCount < 2 && !given.flag('none'),
    run: seed,
  },
  reset: {
    usage: 'project reset PROJECT [--yes]',
    about:
      'deletes all pairs and puts the pairs of the seed in their place.\n' +
      'Asks first, unless --yes is given',
    flags: { yes: flag },
    words: { min: 1, max: 1 },
    run: reset,
  },
}

async function exportPairs(call: CommandCall): Promise<void> {
  const { channelId } = await findProject(call.api, call.given.word(0))
  const text = await call.api.text(pathOf(`${projectPath}/export`, channelId))
  const file = call.given.word(1)
  if (file === '' || file === standard) return call.screen.text(text)
  await writeFile(file, text, { mode: 0o600 }).catch((error) => {
    throw new CommandError(`${file} can't be written: ${reasonOf(error)}.`)
  })
  call.screen.note(`The pairs are in ${file}.`)
}

async function importPairs({ given, api, screen }: CommandCall): Promise<void> {
  const text = await readPairs(given.word(1))
  const project = await findProject(api, given.word(0))
  const path = pathOf(`${projectPath}/import`, project.channelId)
  const query = { overwrite: given.flag('overwrite') ? '1' : undefined }
  const data = await api.ask<ImportedData>('POST', path, { query, text })
  if (screen.isJson) return screen.json(data)
  const counts = `${data.added} added, ${data.overwritten} overwritten, ${data.kept} kept`
  screen.sentence(`Pairs of ${projectNameOf(project)}: ${counts}${leftOutOf(data)}.`)
}

async function seed(call: CommandCall): Promise<void> {
  const { given, api, screen } = call
  const file = given.word(1)
  if (given.flag('none') && file !== '') throw new UsageError('Give either a file or --none.')
  const text = file === '' ? undefined : await readPairs(file)
  const project = await findProject(api, given.word(0))
  const path = pathOf(`${projectPath}/seed`, project.channelId)
  if (given.flag('none')) return removeSeed(call, { project, path })
  if (text === undefined) return screen.text(await api.text(path))
  const data = await api.ask<SeedData>('PUT', path, { text })
  if (screen.isJson) return screen.json(data)
  const counts = `has ${data.pairs} pairs now${leftOutOf(data)}`
  screen.sentence(`The seed of ${projectNameOf(project)} ${counts}.`)
}

async function removeSeed(
  { api, screen }: CommandCall,
  { project, path }: { project: ProjectData; path: string },
): Promise<void> {
  await api.tell('DELETE', path)
  if (screen.isJson) screen.json(null)
  else screen.sentence(`The project ${projectNameOf(project)} has no seed now.`)
}

async function reset({ given, api, screen }: CommandCall): Promise<void> {
  const project = await findProject(api, given.word(0))
  const name = projectNameOf(project)
  if (!given.flag('yes')) {
    await api.close() // others can use the folder while the user thinks
    await confirm(`Resetting ${name} (${project.channelId})`, [project.channelId, name])
  }
  const path = pathOf(`${projectPath}/reset`, project.channelId)
  const data = await api.ask<{ removed: number; pairs: number }>('POST', path)
  if (screen.isJson) return screen.json(data)
  screen.sentence(`The project ${name} has the ${data.pairs} pairs of its seed now.`)
}

/** '' if no pair was left out. */
function leftOutOf({ leftOut }: { readonly leftOut: number }): string {
  return leftOut > 0 ? `, ${leftOut} left out (their value is null)` : ''
}
