const mask = (1n << 64n) - 1n
const multiplier = 0xc6a4a7935bd1e995n
const seed = 0xc70f6907n
const sharedBits = 99194853094755497n

/**
 * The token of a shared session: NemesisDB's `std::hash<std::string>(name) | 99194853094755497`,
 * where `std::hash` is libstdc++'s MurmurHash64A. The same formula is needed so that SH_OPEN finds
 * sessions from NemesisDB's dumps by name.
 */
export function sharedToken(name: string): bigint {
  return hash(Buffer.from(name)) | sharedBits
}

function hash(bytes: Buffer): bigint {
  const whole = bytes.length & ~7
  let sum = seed ^ ((BigInt(bytes.length) * multiplier) & mask)
  for (let index = 0; index < whole; index += 8) {
    const word = mix((bytes.readBigUInt64LE(index) * multiplier) & mask)
    sum = ((sum ^ ((word * multiplier) & mask)) * multiplier) & mask
  }
  if (whole < bytes.length) sum = ((sum ^ tailOf(bytes.subarray(whole))) * multiplier) & mask
  return mix((mix(sum) * multiplier) & mask)
}

function tailOf(bytes: Buffer): bigint {
  return bytes.reduceRight((tail, byte) => (tail << 8n) | BigInt(byte), 0n)
}

function mix(value: bigint): bigint {
  return value ^ (value >> 47n)
}
