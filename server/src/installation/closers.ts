import type { Environment } from '../core/kernel/environment.ts'

export type Closer = () => void | Promise<void>

/**
 * Runs `open`, which adds a closer for everything that it opens. The closers run in reverse order:
 * when `close` is called, or if `open` fails.
 */
export async function opening<Opened>(
  environment: Environment,
  open: (closers: Closer[], close: () => Promise<void>) => Promise<Opened>,
): Promise<Opened> {
  const closers: Closer[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer()
      } catch (error) {
        environment.logError('Closing failed', error)
      }
    }
  }
  try {
    return await open(closers, close)
  } catch (error) {
    await close()
    throw error
  }
}
