export { NemesisConnectionError, NemesisError } from './errors.ts'
export type { JsonValue } from './json.ts'
export {
  type ConnectOptions,
  type Loaded,
  NemesisClient,
  type NewSessionOptions,
  type Saved,
  type ServerInfo,
} from './nemesis.ts'
export {
  type FindOptions,
  NemesisSession,
  type Raw,
  type RawOption,
  type SessionExpiry,
  type SessionInfo,
  type Values,
} from './session.ts'
export type { SocketEvent, WebSocketConstructor, WebSocketLike } from './socket.ts'
export { type StatusName, status } from './statuses.ts'
