export type { Fetch } from './http/caller.ts'
export { CoatcheckError, type CoatcheckErrorType } from './http/errors.ts'
export type { JsonValue } from './json/json.ts'
export { NemesisConnectionError, NemesisError } from './nemesis/answers/errors.ts'
export { type StatusName, status } from './nemesis/answers/statuses.ts'
export type { ConnectionEvent } from './nemesis/link/connection-options.ts'
export type { SocketEvent, WebSocketConstructor, WebSocketLike } from './nemesis/link/socket.ts'
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
  type Keys,
  NemesisSession,
  type Raw,
  type RawOption,
  type SessionExpiry,
  type SessionInfo,
  type Values,
} from './nemesis/session.ts'
export type { IdempotencyOption, Sum, Versioned } from './nemesis/versions.ts'
export type { SessionWatchOptions } from './nemesis/watch.ts'
export type { CallOptions } from './records/address.ts'
export {
  CoatcheckBatchError,
  type DeletedKeys,
  type GetManyOptions,
  type PutManyOptions,
  type PutValues,
} from './records/batches.ts'
export type { EntriesOptions, KeysOptions, ListedKey } from './records/listing.ts'
export type { ReadOptions, RecordHead } from './records/read.ts'
export type {
  BytesRecord,
  JsonRecord,
  RecordInfo,
  StoredRecord,
  StreamedRecord,
  TextRecord,
} from './records/record.ts'
export type { JsonPatchStep, Update, Updated } from './records/update.ts'
export type { NextValue, UpdatedWith, UpdateWithOptions } from './records/update-with.ts'
export type { PutValue } from './records/value-body.ts'
export type { PutOptions, WriteOptions, Written } from './records/write.ts'
export {
  type ApiCallOptions,
  CoatcheckClient,
  type CoatcheckClientOptions,
} from './stores/coatcheck-client.ts'
export { CoatcheckStore } from './stores/store.ts'
export type { GeneralAccess, Retention, StoreInfo, StoreStats } from './stores/store-info.ts'
export { CoatcheckStores, type ListStoresOptions, type NewStoreOptions } from './stores/stores.ts'
export type { Change, DeleteChange, PutChange, StoreChange } from './watch/change.ts'
export type { WatchOptions } from './watch/watch.ts'
