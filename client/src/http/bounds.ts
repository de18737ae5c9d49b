/** What a call may take, unless the caller says something else. */

/** How long the server may be silent, in milliseconds. */
export const timeoutMs = 30_000

/**
 * A body may take a millisecond more for each so many bytes (16 KiB a second). A slower one ends
 * the call, since a server that sends a byte now and then could hold it for ever.
 */
export const leastBytesPerMs = 16

/** Attempts after the first one. */
export const retries = 4

export const pace = { minDelayMs: 200, maxDelayMs: 10_000 } as const

/** A server that asks for a longer wait than this gets no further attempt. */
export const retryAfterMsMax = 30_000

/** The longest value or listing that is held in memory as a whole: 64 MiB. */
export const answerBytesMax = 67_108_864

/** An error's body is a sentence; what is beyond this is not read. */
export const errorBytesMax = 65_536
