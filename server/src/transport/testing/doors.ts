import type { MessageRoom, Reply, SocketDoor, SocketSession } from '../socket-exchange.ts'

/** A door that accepts everyone and handles every message with `receive`. */
export function doorOf(receive: SocketSession['receive']): SocketDoor {
  return { accept: () => ({ receive, close: () => undefined }) }
}

/** Answers each message with the same text. */
export const echo = doorOf((message, reply) => reply(String(message)))

/** A message to a door, which the test answers through `reply`. */
export interface Question {
  readonly message: string
  readonly reply: Reply
  readonly room: MessageRoom
}

/** A door that leaves all questions to the test, and notes how many of its sessions have ended. */
export class PatientDoor implements SocketDoor {
  readonly questions: Question[] = []
  closedCount = 0

  accept(): SocketSession {
    return {
      receive: (message, reply, room) => {
        this.questions.push({ message: String(message), reply, room })
      },
      close: () => {
        this.closedCount += 1
      },
    }
  }
}
