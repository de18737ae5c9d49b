import { HurtEngine } from './hurt-engine.ts'

/** An engine that other servers may use, too. */
export class SharedEngine extends HurtEngine {
  override get isShared(): boolean {
    return true
  }
}
