const mebibyte = 1_048_576

/** The room that LMDB's file keeps on its disk. A part of `limits`. */
export const roomLimits = {
  /** Room behind LMDB's last page that only writes may use that must work on a full disk. */
  lmdbReserveBytesMin: 8 * mebibyte,
  lmdbReserveBytesMax: 64 * mebibyte,
  lmdbReserveShare: 0.125, // of the file, between these two
  /** How far one write extends LMDB's file. */
  lmdbExtensionBytes: mebibyte,
  /** With less free disk space, the file is extended in time for the reserve too. */
  lmdbRoomyDiskBytesMin: 256 * mebibyte,
  /** A write that puts more for each key that it deletes may not use the reserve. */
  lmdbPutBytesPerDeleteMax: 1_024,
}
