const mebibyte = 1_048_576

/**
 * What one client, and all clients together, may make the server hold and do. What is over a bound
 * waits or is refused, while others are answered. A part of `limits`.
 */
export const clientLimits = {
  // Archives

  /** What one record of a ZIP archive takes in memory until the end of the archive. */
  archiveEntryBytes: 2_048,
  /** Directories of all archives that are being made, and of those of one user or address. */
  archivesBytesMax: 1_024 * mebibyte,
  archivesBytesOwnerMax: 512 * mebibyte,
  /**
   * Long values that are decoded only to count or to skip bytes, and those of one user or address.
   * Each counts as `chunkBytes`.
   */
  decodingsBytesMax: 64 * mebibyte,
  decodingsBytesOwnerMax: 16 * mebibyte,

  // Searches and JSON Schemas

  /** The work of all searches of one command. */
  jsonPathCommandStepsMax: 20_000_000,
  /** The instructions of a regular expression: `a{1000}` has about 1,000. */
  patternProgramMax: 2_000,
  /** A check that takes longer is begun again in the process for slow checks. */
  jsonSchemaQuickCheckMsMax: 150,
  /** Schemas and owners whose checks were slow, that are remembered. */
  slowJsonSchemasRemembered: 10_000,
  /** Values of one user that wait for a check, and what a short one counts. */
  jsonSchemaQueueBytesOwnerMax: 64 * mebibyte,
  jsonSchemaQueueBytesMin: 65_536,

  // Long work, and waiting

  /**
   * Work of commands that is done at once, before others are served: JSONPath steps, or characters.
   * It takes a few milliseconds.
   */
  workPerTurn: 65_536,
  /** A longer page of a list, or a longer JSON body, waits for its turn. */
  quickListItemsMax: 100,
  quickJsonBytesMax: 262_144,
  /** How long something waits for room before it is refused. */
  roomWaitMsMax: 20_000,
  /** Patience with clients that stand still while others wait for room. */
  shortStallMsMax: 10_000,

  // HTTP

  /** A body or a reply must move so many bytes within this time: about 100 a second. */
  httpMovedBytesMin: 65_536,
  httpSlowMsMax: 650_000,
  /** Open connections, WebSockets with them. With more, those that idle are cut off. */
  connectionsMax: 10_000,
  /** A body up to this size is not counted while it arrives. */
  httpUncountedBodyBytesMax: 65_536,
  /** Bodies in memory, or the parts of them: of all requests, and of one user. */
  bodiesBytesMax: 256 * mebibyte,
  bodiesBytesOwnerMax: 128 * mebibyte,
  /** Long replies that clients have not taken yet: all, and those to one address. */
  repliesBytesMax: 512 * mebibyte,
  repliesBytesPeerMax: 256 * mebibyte,

  // WebSockets

  /** A command that writes more keys waits for those before it, and those behind wait for it. */
  overlappingKeysMax: 250,
  /** Answers of one connection that are being made or are not sent. More of them wait. */
  socketAnswersBytesMax: 32 * mebibyte,
  /** An answer up to this size is not counted while it is made: a connection has 1,024 of them. */
  socketUncountedAnswerBytesMax: 16_384,
  /** All that connections hold for answers and half-sent messages, and what one user may hold. */
  socketsHeldBytesMax: 256 * mebibyte,
  socketsHeldBytesOwnerMax: 128 * mebibyte,
  /** A connection that holds less than this counts as holding nothing. */
  socketCountedBytesMin: 65_536,
  /** Open WebSockets, and those of one user. */
  socketsMax: 8_000,
  socketsOwnerMax: 4_000,
  /** A client that moves fewer bytes than this within its patience counts as standing still. */
  socketMovedBytesMin: 16_384,
} as const
