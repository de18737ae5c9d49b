import { clientLimits } from './limits/clients.ts'
import { clockLimits } from './limits/clock.ts'
import { commandLimits } from './limits/commands.ts'
import { dumpLimits } from './limits/dumps.ts'
import { logLimits } from './limits/log.ts'
import { manyRecordLimits } from './limits/many-records.ts'
import { pageCheckLimits } from './limits/page-check.ts'
import { roomLimits } from './limits/room.ts'
import { socketLimits } from './limits/sockets.ts'
import { updateLimits } from './limits/updates.ts'
import { watchLimits } from './limits/watching.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const mebibyte = 1_048_576

/**
 * Every bound of the server, in one place; the unit ends the name. A door may be narrower and says
 * so in its own `wire.ts`.
 */
export const limits = Object.freeze({
  // Records

  /** A record's key, in bytes of UTF-8. It fits into the index rows of every engine. */
  recordKeyBytesMax: 2_400,
  contentTypeLengthMax: 200,
  /** A value up to this size is part of the record's info entry: a small write is one entry. */
  valueInInfoBytesMax: 2_048,
  /** A longer value is stored in chunks of this size. Each but the first is a commit of its own. */
  chunkBytes: mebibyte,
  /** Records that one atomic commit writes, and the bytes of their keys. */
  batchRecordsMax: 10_000,
  batchKeysBytesMax: mebibyte,
  /** Keys and values of one commit, where many records are written by several commits. */
  batchBytesMax: 8 * mebibyte,
  /** Calls that share one commit, and the bytes of their values. */
  combinedCallsMax: 32,
  combinedValuesBytesMax: mebibyte,
  /** Keys that one call deletes by their names. */
  deletedKeysMax: 10_000,
  /** Deletes that run at the same time. They share the engine's syncs. */
  deletesAtOnce: 64,
  /** How often an operation is tried if others change what it has read. */
  commitAttemptsMax: 16,
  /**
   * The same for writes to records and to a store's settings. If one server fails, another one has
   * written; with even chances, 16 failures in a row happen every now and then.
   */
  writeAttemptsMax: 1_000,
  /** Records whose last write this server remembers, so that the next one need not read them. */
  guessedRecordsMax: 20_000,
  /** Writes that read first because others write the same records. */
  guessPauseWritesMax: 256,
  /** Records or stores on one page. */
  pageItemsMax: 1_000,
  /** Bytes that one page reads from the engine. */
  pageBytesMax: 4 * mebibyte,
  /** Records in a ZIP archive. Its directory is in memory. */
  archiveRecordsMax: 250_000,
  /** An upload without progress for this long is given up. */
  uploadLeaseMs: 10 * minute,
  /**
   * Replaced and deleted chunks stay readable for this long where several servers use one storage,
   * since downloads through others may still run ...
   */
  replacedChunksKeptMs: hour,
  /** ... up to about this many bytes, without the chunks that this server is reading ... */
  replacedChunksKeptBytesMax: 1_024 * mebibyte,
  /** ... but always for this long. */
  replacedChunksKeptMsMin: 10_000,
  /** How often to check whether callers of streams and sockets may still use the store. */
  recheckIntervalMs: 400,
  /** Callers that are checked at the same time. */
  recheckedUsesAtOnce: 256,

  // Stores

  /** A store's name, in ASCII characters. */
  storeNameLengthMax: 63,
  storeTitleLengthMax: 256,
  /** A store's schema, as JSON. It is one entry in every engine. */
  storeSchemaBytesMax: mebibyte,
  storeSchemaDepthMax: 200,
  /** Collections of a schema. A record may be in all of them; each may have a JSON Schema. */
  storeCollectionsMax: 100,
  /** Users with whom one store is shared. They are part of its identity. */
  sharesPerStoreMax: 100,
  /** How long unnamed stores are kept that have no retention of their own. */
  unnamedRetentionMs: 7 * day,
  /** A store's own retention. A shorter one would end while the store is used. */
  retentionMsMin: 1_000,
  retentionMsMax: 36_500 * day,
  /** Renewals and access times of one store are written at most this often ... */
  activityFlushMsMax: 10_000,
  /** ... and at most this often within its time to live. */
  activityFlushesPerTtl: 10,
  /** Stores whose activity is written at the same time. */
  activityFlushesAtOnceMax: 256,
  /** Stores whose latest activity is in memory. */
  activeStoresMax: 100_000,
  /** Stores whose identity is in memory. */
  cachedStoresMax: 10_000,
  /** Schemas of stores in memory, as JSON. */
  cachedSchemasBytesMax: 32 * mebibyte,
  /** Stores that one search looks at. */
  searchedStoresMax: 100_000,
  /** How long a store's change log keeps a change, and how many. */
  changeKeptMs: 7 * day,
  changesKeptPerStoreMax: 100_000,
  /** After this many changes by this server, a store's change log is counted again. */
  changesBetweenTrims: 10_000,
  /** Changes whose revisions (8 bytes each) are remembered between two trims of a log. */
  rememberedChangesMax: 2_000_000,
  /** Tokens whose sight of a store's signing secret is kept. They are part of its identity. */
  secretSeenByMax: 50,
  /**
   * Stores whose secrets are replaced, or tokens that end, at the same time. They share the
   * engine's syncs.
   */
  secretsReplacedAtOnce: 64,
  /** How long the links in an Apify store object are valid at least (Apify documents 14 days). */
  contentLinkMsMin: 14 * day,

  // People and tokens

  usernameLengthMax: 63,
  usersMax: 10_000,
  tokenNameLengthMax: 100,
  /** Tokens of one user, without the revoked ones. */
  tokensPerUserMax: 1_000,
  /** A token's last use is written at most this often. */
  tokenUseFlushMs: minute,
  /** Tokens whose user is in memory, and for how long without asking the engine again. */
  cachedTokensMax: 10_000,
  cachedTokenMs: 1_000,
  /** How long a token that belonged to an admin may see the server's health without the storage. */
  rememberedKeeperMs: hour,
  /** Events that a user's audit trail keeps, the newest ones. */
  auditEventsKeptMax: 10_000,
  /** Stores that one event names, so that the stores of one sweep do not push out all others. */
  storesPerAuditEventMax: 100,
  /** Wrong tokens from one address within `guessWindowMs`. After them, wrong ones get a 429. */
  guessesMax: 20,
  guessWindowMs: minute,
  /** The same for session tokens, page keys and channel ids. */
  sessionGuessesMax: 100,
  pageKeyGuessesMax: 100,
  channelGuessesMax: 100,
  /** How much of a wrong page key or channel id is remembered, in characters. */
  guessLengthMax: 100,
  /** Addresses whose wrong tokens are counted. */
  guessersMax: 10_000,

  // Projects and their pages

  /** Rules for the pages of one project. They are part of its identity. */
  pageRulesMax: 100,
  pageRulesBytesMax: 16_384,
  /** A project's seed as JSON. It is one entry in every engine. */
  seedBytesMax: mebibyte,
  /** Projects of one owner with the same name, and how many names are looked up at once. */
  projectNamesakesMax: 1_000,
  namesakesAtOnce: 100,
  /**
   * Calls of pages to one project within a minute. A class of 30 pages makes a third of them, if
   * each makes the 600 that App Lab allows.
   */
  projectCallsPerMinuteMax: 60_000,
  /** Calls of one page within a minute. An endless loop is slowed down. */
  pageCallsPerMinuteMax: 1_200,
  /** Calls of all unknown pages behind one address within a minute: they may be a whole class. */
  peerCallsPerMinuteMax: 18_000,
  /** Projects, pages or addresses whose calls are counted. */
  rateLimitedMax: 10_000,
  /**
   * What a page sends to set or delete a key. It has room for the longest key and the longest
   * value: 4,096 bytes, each escaped in JSON within JSON (36 bytes).
   */
  pageBodyBytesMax: 163_840,
  /** With less room in a project, its pairs are counted before each pair that may be new. */
  pairsRoomUncountedMin: 1_000,
  /** How long a count of a project's pairs is used. Other servers add pairs as well. */
  countedPairsMs: 1_000,
  /** Keys of one batch that looks for pairs. That many of the longest keys fit into it. */
  soughtPairsAtOnce: 400,

  // Upkeep

  /** Stores that expired that one line of the log names. */
  expiredStoresNamedMax: 20,

  sweepIntervalMs: 10_000,
  /** Sweeps from one look for unfinished revocations to the next. It reads all users and tokens. */
  sweepsPerResume: 60,
  /** Keys that one commit of the sweeper removes. */
  sweepBatchKeysMax: 500,
  /**
   * Entries on a page of a long log, on an engine that reads on the event loop. Such a page takes
   * about a millisecond, and is long enough for LMDB to let requests go first.
   */
  sweepPageItems: 300,
  /** Stores, uploads or marks that one sweep looks at ... */
  sweepItemsMax: 1_000,
  /** ... and marks of garbage, while there is more of it than half of the following bytes. */
  sweptMarksMax: 100_000,
  /**
   * About how many bytes of garbage may wait for the sweeper, besides the values that are read. A
   * sweep begins each time another half of it was left.
   */
  garbageBytesMax: 64 * mebibyte,
  /** Audit trails that one sweep reads from end to end. */
  sweptAuditTrailsMax: 10,
  /** Entries that a copy restores at once, and about how many bytes. */
  copyEntriesMax: 4_000,
  copyBytesMax: 4 * mebibyte,
  /** Damaged entries that a copy names. */
  damagedEntriesNamedMax: 5,
  /** Problems that a check lists. */
  checkProblemsMax: 1_000,
  /** How often the log tells how many requests the engine has refused meanwhile. */
  refusalsToldMs: minute,
  /** Without a refusal for this long, a served request shows that requests are served again. */
  refusalSettledMs: 1_000,
  /** How long the last refused request shows that requests are refused. */
  refusalTrustedMs: 30_000,
  /** How long the health of an engine is used before the engine is asked again. */
  cachedHealthMs: 1_000,
  /** The difference between the clocks of a server and its database before health names it. */
  clockSkewMsMax: 1_000,

  // Engines

  /** An entry's value, and all keys and values of one commit. */
  entryValueBytesMax: 2 * mebibyte,
  commitBytesMax: 32 * mebibyte,

  // LMDB engine

  /** Commits of one group. They share a sync, and fail together. */
  lmdbGroupBytesMax: 8 * mebibyte,
  /** A larger group is written to LMDB at once: the journal would only write it twice. */
  lmdbJournaledGroupBytesMax: 262_144,
  /** Entries in one half of the journal. */
  lmdbJournalHalfEntriesMax: 32_768,
  /** How long commits may wait in the journal for more before they are moved into LMDB. */
  lmdbJournalIdleMs: 1_000,
  /** Entries that one transaction moves from the journal into LMDB. Requests wait meanwhile. */
  lmdbMovedEntriesMax: 4_096,
  /** A scan with a higher limit first lets waiting requests go ahead. */
  lmdbUnyieldedScanEntriesMax: 256,
  /** Entries in the read cache, a power of two, and the packed size of each. */
  lmdbCachedEntriesMax: 4_096,
  lmdbCachedEntryBytesMax: 800,
  /** Disk space for a new data file, its lock file and the journal. */
  lmdbNewFilesBytesMax: 18 * mebibyte,
  /** The most that LMDB's very first write makes of its file. */
  lmdbFirstWriteBytesMax: 49_152,
  /** With less free disk space, the disk counts as full. */
  fullDiskBytesMax: mebibyte,
  /** With less free disk space, the operator is warned. */
  lmdbFreeBytesMin: 1_024 * mebibyte,

  // PostgreSQL engine

  /** The wait for a host to accept a connection, if the address does not set another one. */
  postgresConnectMsMax: 2_000,
  /**
   * The wait of an operation in all: for its turn, a connection, a lock and the answer. After it,
   * the outcome of a commit may be unknown.
   */
  postgresAnswerMsMax: 8_000,
  /** How much longer the wait of a request may be that waits for its turn and an operation. */
  postgresTurnGraceMs: 250,
  /** How often to look for commits of other servers, besides their notifications. */
  postgresPollMs: 250,
  /** How long a transaction may wait for its next statement. */
  postgresIdleTransactionMsMax: 2_000,
  postgresIdleSnapshotMsMax: minute, // of a command that only reads
  /** How long a connection is silent before TCP checks it. */
  postgresKeepAliveMs: 10_000,
  /** The wait before the next attempt to reconnect, which doubles each time. */
  postgresReconnectMsMin: 20,
  postgresReconnectMsMax: 500,
  /** Attempts to create the tables while other servers do so, and the step of the wait between. */
  postgresSchemaAttemptsMax: 20,
  postgresSchemaRetryMs: 10,
  /** Commits of one group, and their bytes. All other commits wait for the group. */
  postgresGroupCommitsMax: 1_024,
  postgresGroupBytesMax: 8 * mebibyte,
  /** Attempts to commit a group that conflicts with others, and the step of the wait between. */
  postgresGroupAttemptsMax: 8,
  postgresGroupRetryMs: 5,
  /** Keys in one statement, so that a large one does not hold up the statements behind it. */
  postgresReadKeysMax: 1_000,
  /** Statements that are sent at once. Gets that wait can be joined into one statement. */
  postgresGetsAtOnce: 4,
  postgresScansAtOnce: 4,
  /** Entries that one statement restores, and their bytes. */
  postgresRestoredEntriesMax: 5_000,
  postgresRestoredBytesMax: 4 * mebibyte,
  /** Transactions during one that stays open. After more, health names it: the tables grow. */
  postgresSnapshotTransactionsMax: 100_000,

  // JSON

  /** The depth of arrays and objects in JSON that the server reads itself. */
  jsonDepthMax: 1_000,
  /** JSON bodies of requests, decoded (`MAX_PAYLOAD_SIZE_BYTES` of @apify/consts). */
  jsonBodyBytesMax: 9 * mebibyte,
  /** A value that is decoded for a JSON door. */
  jsonViewBytesMax: 16 * mebibyte,
  /** Pairs whose values are read at once for a list, and the length of a part of that list. */
  listedPairsAtOnce: 100,
  listedPairsPartLength: 65_536,
  jsonPathLengthMax: 2_000,
  /** The work of one search by a JSONPath. A step is about one value that is looked at. */
  jsonPathStepsMax: 1_000_000,
  /** A regular expression in a JSONPath, in UTF-16 units. */
  patternLengthMax: 500,
  /** Regular expressions that one search keeps compiled. */
  cachedPatternsMax: 100,
  /** The time and the memory for a check of one value with a JSON Schema, or to compile one. */
  jsonSchemaCheckMsMax: 3_000,
  jsonSchemaHeapMiBMax: 256,
  /** If the process does not end a check by itself, the process is ended after this long. */
  jsonSchemaGraceMs: 2_000,
  /** The process starts within a part of a second on a machine that is not busy. */
  jsonSchemaStartMsMax: 30_000,
  /** The process's reason for refusing a value or a schema, in characters. */
  jsonSchemaReasonLengthMax: 500,
  /** Compiled JSON Schemas in memory, and the JSON that they were made of. */
  compiledJsonSchemasMax: 1_000,
  compiledJsonSchemasBytesMax: 8 * mebibyte,
  /** Values that wait for a check. */
  jsonSchemaQueueBytesMax: 256 * mebibyte,

  // HTTP

  /** A head of a request. A longer one is left to `node:http`, which has its own limit. */
  httpHeadBytesMax: 8_192,
  /** A name of a host with a port: domain names have at most 253 characters (RFC 1035). */
  hostLengthMax: 253 + '.:65535'.length,
  /** Accepted Host headers in memory. A server sees one or two. */
  acceptedHostsMax: 16,
  /** A client is cut off if its headers are incomplete, or nothing moves, for this long. */
  httpHeadersMsMax: 10_000,
  httpStallMsMax: 65_000,
  /** Pipelined requests that wait for their turn. With more, the connection is not read. */
  httpWaitingRequestsMax: 64,
  /** How often HTTP connections are checked. */
  httpCheckIntervalMs: 2_000,
  /** How long requests in flight may take once the server is told to stop. */
  httpStopMsMax: 8_000,
  /** A request body that no handler takes is read to its end up to this Content-Length. */
  httpIgnoredBodyBytesMax: 65_536,
  /** How long a client may go on sending after a reply or a refusal before it is cut off. */
  lingerMsMax: 2_000,
  /** A reply body up to this size is sent in one packet with its head. */
  httpCopiedBodyBytesMax: 16_384,
  /** Bytes for a socket at once. A slow client shows that it is alive as it takes the next ones. */
  socketSliceBytes: 262_144,
  /** Bytes of long answers that are sent to all WebSockets in one turn of the event loop. */
  socketBytesPerTurn: 262_144,
  /** A body up to this size is decoded on the event loop, which is several times cheaper. */
  decodedAtOnceBytesMax: 65_536,
  /**
   * A value is a decompression bomb if it decodes to more than this, and also to more than this
   * many times its stored size.
   */
  decodedBytesMax: 64 * mebibyte,
  decodedRatioMax: 200,
  /** Versions of encoded values whose decoded length is in memory. */
  decodedLengthsMax: 10_000,
  /** Entries of a ZIP archive in memory while it is written, and those that are not written yet. */
  zipListedEntriesMax: 1_000,
  zipUnwrittenEntriesMax: 100,

  /** Files that connections leave to the data, the database, dumps and child processes. */
  reservedFilesCount: 24,

  ...clientLimits,
  ...clockLimits,
  ...commandLimits,
  ...dumpLimits,
  ...logLimits,
  ...manyRecordLimits,
  ...pageCheckLimits,
  ...roomLimits,
  ...socketLimits,
  ...updateLimits,
  ...watchLimits,
})
