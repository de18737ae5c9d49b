import { pathToFileURL } from 'node:url'

// The child process of a RepeatedScript: runs a program once for each message that it gets.
const [, , file = ''] = process.argv
let printed = { stdout: '', stderr: '' }
let runs = 0

for (const name of ['stdout', 'stderr'] as const) {
  process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    printed[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    const written = rest.at(-1)
    if (typeof written === 'function') written()
    return true
  }
}

process.on('message', async (args: readonly string[]) => {
  printed = { stdout: '', stderr: '' }
  process.argv = [process.execPath, file, ...args]
  process.exitCode = undefined
  runs += 1
  try {
    // Another address is another module for Node; what the program imports stays loaded.
    await import(`${pathToFileURL(file)}?run=${runs}`)
    process.send?.({ code: process.exitCode ?? 0, ...printed })
  } catch (error) {
    process.send?.({ code: 1, stdout: printed.stdout, stderr: `${printed.stderr}${error}\n` })
  }
})
