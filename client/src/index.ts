export type { JsonValue } from './json/json.ts'
export { NemesisConnectionError, NemesisError } from './nemesis/errors.ts'
export {
  type ConnectOptions,
  type Loaded,
  NemesisClient,
  type NewSessionOptions,
  type Saved,
  type ServerInfo,
} from './nemesis/nemesis.ts'
export {
  type FindOptions,
  NemesisSession,
  type Raw,
  type RawOption,
  type SessionExpiry,
  type SessionInfo,
  type Values,
} from './nemesis/session.ts'
export type { SocketEvent, WebSocketConstructor, WebSocketLike } from './nemesis/socket.ts'
export { type StatusName, status } from './nemesis/statuses.ts'
