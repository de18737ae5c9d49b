import type { Environment } from '../core/kernel/environment.ts'

export type Closer = () => void | Promise<void>

/** What `open` has opened is closed in the opposite order: on demand, or where `open` fails. */
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
