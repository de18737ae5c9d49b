import { describeEngine } from './conformance/conformance.ts'
import { MemoryEngine } from './memory.ts'

describeEngine('memory', async () => ({
  engine: new MemoryEngine(),
  cleanUp: async () => undefined,
}))
