const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/**
 * Every bound of the domain, in one place. A door may be narrower and says so in its own `wire.ts`.
 */
export const limits = Object.freeze({
  /** A record's key, in bytes of UTF-8: fits the index rows of every engine. */
  recordKeyBytesMax: 2_400,
  /** A store's name, in ASCII characters. */
  storeNameLengthMax: 63,
  storeTitleLengthMax: 256,
  /** A store's schema, as JSON: one entry in every engine. */
  storeSchemaBytesMax: 1_048_576,
  storeSchemaDepthMax: 200,
  /** A record may be in all of them, and each may have a JSON Schema to check. */
  storeCollectionsMax: 100,
  /** What a ZIP archive holds: its directory is in memory, 2 KB a record. */
  archiveRecordsMax: 250_000,
  contentTypeLengthMax: 200,
  usernameLengthMax: 63,
  usersMax: 10_000,
  tokenNameLengthMax: 100,
  /** That are valid or were not revoked: one more is refused. */
  tokensPerUserMax: 1_000,
  /** A token's last use is written at most this often. */
  tokenUseFlushMs: minute,
  /** Users whom one store is shared with: they stand in its identity. */
  sharesPerStoreMax: 100,
  /** Newest events of a user's audit trail that are kept. */
  auditEventsKeptMax: 10_000,
  /** Wrong tokens from one address within `guessWindowMs`: behind them it is not even looked. */
  guessesMax: 20,
  guessWindowMs: minute,
  /** The same of tokens of sessions. */
  sessionGuessesMax: 100,
  /** ... and of keys of pages. */
  pageKeyGuessesMax: 100,
  /** Addresses whose wrong tokens are counted. */
  guessersMax: 10_000,
  /** The same of channel ids of projects. */
  channelGuessesMax: 100,
  /** Rules for pages of one project, and prefixes that they may list: all in its identity. */
  pageRulesMax: 100,
  pageRulesBytesMax: 16_384,
  /** A project's seed as JSON: one entry in every engine. */
  seedBytesMax: 1_048_576,
  /** Projects of one owner that are called the same. */
  projectNamesakesMax: 1_000,
  /**
   * Calls of pages to one project within a minute: what a class of 30 pages does is a third of it,
   * each at the 600 calls that App Lab allows a page ...
   */
  projectCallsPerMinuteMax: 60_000,
  /** ... and of one page: what goes on and on is slowed down. */
  pageCallsPerMinuteMax: 1_200,
  /** ... and of all pages behind one address that do not say who they are: a whole class. */
  peerCallsPerMinuteMax: 18_000,
  /**
   * What a page sends to set or delete a key: room for the longest value, each of its 4,096 bytes
   * escaped in JSON that is escaped in JSON (36 bytes), and for the longest key.
   */
  pageBodyBytesMax: 163_840,
  /** Projects, pages or addresses whose calls are counted. */
  rateLimitedMax: 10_000,
  /** Records that one atomic commit writes, and the bytes of their keys. */
  batchRecordsMax: 10_000,
  batchKeysBytesMax: 1_048_576,
  /** Keys that one call deletes by their names. */
  deletedKeysMax: 10_000,
  /** Stores that one search looks at. */
  searchedStoresMax: 100_000,
  /**
   * Values up to this size lie in their record's info entry, so that a small write is one entry.
   */
  valueInInfoBytesMax: 2_048,
  /**
   * Values above `valueInInfoBytesMax` lie in chunks of this size, each above the first its own
   * commit.
   */
  chunkBytes: 1_048_576,
  /** How often an operation is tried again when others changed what it had read. */
  commitAttemptsMax: 16,
  /**
   * ... and a write to records or to a store's settings: of several servers, each failed try of one
   * is a write of another, and even chances are lost 16 times in a row every now and then.
   */
  writeAttemptsMax: 1_000,
  /** Most records or stores of one page. */
  pageItemsMax: 1_000,
  /** Most bytes that one page reads from the engine. */
  pageBytesMax: 4 * 1_048_576,
  /** Most entries that a copy restores at once, and about as many bytes. */
  copyEntriesMax: 4_000,
  copyBytesMax: 4 * 1_048_576,
  /** An upload that stood still for this long is given up. */
  uploadLeaseMs: 10 * minute,
  /**
   * Chunks that were replaced or deleted stay readable for this long, for downloads that still run
   * ...
   */
  replacedChunksKeptMs: hour,
  /** ... but no more than about this many bytes of them, save those that this server is reading. */
  replacedChunksKeptBytesMax: 1_073_741_824,
  /** ... and always for this long. */
  replacedChunksKeptMsMin: 10_000,
  /** Unnamed stores without a retention of their own. */
  unnamedRetentionMs: 7 * day,
  /** A store's own retention: what is shorter would end while it is being used ... */
  retentionMsMin: 1_000,
  /** ... and what is longer is none. */
  retentionMsMax: 36_500 * day,
  /** Renewals and access stamps of one store are written at most this often. */
  activityFlushMsMax: 10_000,
  /** ... and at most this often within a time to live. */
  activityFlushesPerTtl: 10,
  /** Stores whose activity is written at the same time. */
  activityFlushesAtOnceMax: 256,
  /** Stores whose latest activity is held in memory. */
  activeStoresMax: 100_000,
  /** Stores whose identity is held in memory, keyed by revision. */
  cachedStoresMax: 10_000,
  /** Records that this server wrote, of which it remembers what the next write asks for. */
  guessedRecordsMax: 20_000,
  /** Schemas of stores that are held in memory, as JSON. */
  cachedSchemasBytesMax: 32 * 1_048_576,
  cachedTokensMax: 10_000,
  /** For how long a token that was found is taken as found. */
  cachedTokenMs: 1_000,
  changeKeptMs: 7 * day,
  changesKeptPerStoreMax: 100_000,
  /** A store's change log is counted again after this many changes by this server. */
  changesBetweenTrims: 10_000,
  /** Changes whose revisions, 8 bytes each, are remembered from one trim of a log to the next. */
  rememberedChangesMax: 2_000_000,
  /** Most keys that one commit of the sweeper removes. */
  sweepBatchKeysMax: 500,
  /**
   * Entries in a page of a long log that is read while requests wait, on an engine that reads on
   * the event loop: about a millisecond, and enough for LMDB to let requests go first.
   */
  sweepPageItems: 300,
  /** Most stores, uploads or marks that one sweep looks at. */
  sweepItemsMax: 1_000,
  sweepIntervalMs: 10_000,
  /** For how long an engine that was asked how it is is not asked again. */
  cachedHealthMs: 1_000,
  /** Clocks of a server and its database that are further apart are told of. */
  clockSkewMsMax: 1_000,
  /** How often streams and sockets are asked whether their caller may still use the store. */
  recheckIntervalMs: 400,
  /** How deep arrays and objects may be nested in JSON that is taken apart. */
  jsonDepthMax: 1_000,
  jsonPathLengthMax: 2_000,
  /** A regular expression in a JSONPath, in UTF-16 units. */
  patternLengthMax: 500,
  /** Regular expressions that one search keeps compiled. */
  cachedPatternsMax: 100,
  /** What one search by a JSONPath may cost: about so many values are looked at. */
  jsonPathStepsMax: 1_000_000,
  /** Output of decoding a value for a JSON door. */
  jsonViewBytesMax: 16 * 1_048_576,
  /** Checking one value against a JSON Schema, or compiling one. */
  jsonSchemaCheckMsMax: 3_000,
  /** ... and the memory that it may take. */
  jsonSchemaHeapMiBMax: 256,
  /** Compiled JSON Schemas that are kept, and the JSON that they were made of. */
  compiledJsonSchemasMax: 1_000,
  compiledJsonSchemasBytesMax: 8 * 1_048_576,
  /** Values that wait for being checked. */
  jsonSchemaQueueBytesMax: 256 * 1_048_576,
})
