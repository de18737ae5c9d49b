#!/usr/bin/env node
// Plain JavaScript that older Nodes understand too, so that they can be told what is wrong.
import { existsSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)

if (major > 22 || (major === 22 && minor >= 18)) {
  // The published package holds dist only; a clone that was never built runs its sources as they
  // are, which needs the type stripping that Node has by default since 22.18.
  const built = new URL('../dist/server/main.js', import.meta.url)
  await import(existsSync(built) ? built.href : new URL('../src/main.ts', import.meta.url).href)
} else {
  console.error(`coatcheck needs Node.js 22.18 or newer, but this is ${process.version}.`)
  process.exitCode = 1
}
