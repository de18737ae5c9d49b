const mebibyte = 1_048_576

/** What watchers of changes may hold and ask for. A part of `limits`. */
export const watchLimits = {
  /** Watchers on this server, of one store, and of one user or address. */
  watchersMax: 20_000,
  watchersPerStoreMax: 10_000,
  watchersOwnerMax: 4_000,
  /** The pause between two signs of life on a stream of events where nothing happens. */
  eventsIdleMs: 15_000,
  /** How long a client waits before it connects again. */
  eventsRetryMs: 1_000,
  /** How long a client has to take the last event before it is cut off. */
  eventsEndMsMax: 300,
  /** Keys that one watcher names. */
  watchedKeysMax: 100,
  /** The JSON of a value that comes with its change. */
  watchedValueBytesMax: 4_096,
  /** Values that are read for the changes of one page of the log. */
  watchedPageValuesBytesMax: mebibyte,
  /** Entries of the change log that are read at once for all watchers of a store ... */
  watchedPageItems: 256,
  /** ... and for a watcher that is far behind. */
  watchedOldPageItems: 64,
  /** Bytes of such a page. */
  watchedPageBytesMax: mebibyte,
  /** The latest changes of a watched store in memory, in number and bytes, and of all stores. */
  watchedEventsMax: 1_024,
  watchedEventsBytesMax: mebibyte,
  watchedEventsBytesAllMax: 64 * mebibyte,
  /** Changes that a watcher gets at once. */
  watchBatchBytesMax: 65_536,
  /** The pause between two reads of a change log that grows all the time. */
  watchReadPauseMs: 5,
  /** How often the logs are read while other servers commit changes ... */
  watchSharedPauseMs: 20,
  /** ... and how often where only this server does, in case that a change was not announced. */
  watchOwnPauseMs: 10_000,
  /** Logs with new entries that a server has heard of from others, and the bytes of one notice. */
  heardLogsMax: 10_000,
  noticeBytesMax: 7_900,
  /** Logs that are read at the same time, without being announced. */
  watchedLogsAtOnce: 16,
  /** The pause before a log is read again that could not be read. */
  watchRetryMs: 250,
} as const
