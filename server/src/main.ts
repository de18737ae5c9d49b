import { runCli } from './cli/cli.ts'

// Whatever the user's umask says: files of Coatcheck are for this user alone.
process.umask(0o077)
process.exitCode = await runCli(process.argv.slice(2), process.env)
