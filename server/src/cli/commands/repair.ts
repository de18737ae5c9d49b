import { readConfig } from '../../installation/config.ts'
import { repairData } from '../../installation/repair-data.ts'

export const repairHelp = `Usage: coatcheck repair [--data DIR]

Makes a data folder whose journal is refused serve again. The journal holds the commits of
the last second or so. What can be read of it is kept, the rest is given up: so bring back
the right file instead if you have it. The journal stays in the folder under another name.
No server may use the folder. Run coatcheck check afterwards.

  --data DIR  the data folder (COATCHECK_DATA)
`

/** `coatcheck repair`: gives up what can't be read of a journal. 0: the data opens again. */
export async function repairCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const config = readConfig(args, environment)
  for (const warning of config.warnings) process.stderr.write(`${warning}\n`)
  const { kept, notes, findings } = await repairData(config)
  for (const sentence of [...notes, ...findings]) process.stdout.write(`${sentence}\n`)
  if (findings.length === 0) process.stdout.write('Nothing was wrong with the journal.\n')
  if (kept) process.stdout.write(`The journal as it was is in ${kept}.\n`)
  return 0
}
