const mebibyte = 1_048_576

/** What one WebSocket may do and hold. A part of `limits`. */
export const socketLimits = {
  /** How long a door may take to decide about a handshake. */
  socketHandshakeMsMax: 10_000,
  /** A silent client gets a ping after this long, and is cut off without a pong. */
  socketIdleMsMax: 160_000,
  socketPongMsMax: 16_000,
  /** A client is cut off if it takes nothing for this long. */
  socketStallMsMax: 120_000,
  /** How long a client may take to close. */
  socketEndMsMax: 8_000,
  socketCheckIntervalMs: 4_000,
  /** Messages without an answer, and their bytes. */
  socketUnansweredMax: 1_024,
  socketUnansweredBytesMax: 4 * mebibyte,
  /** Answers that a client has not taken yet. With more, no further message is taken. */
  socketBacklogBytesMax: mebibyte,
  /** Answers that go out without waiting for more, so that the client can begin to read. */
  socketGatheredTextsMax: 32,
  /** Pieces of one message: `ws` keeps each frame, and each read of a frame, until the end. */
  socketMessagePiecesMax: 16_384,
  /** A long message may come in more pieces: as many as reads of this size would need. */
  socketPieceBytesMin: 512,
}
