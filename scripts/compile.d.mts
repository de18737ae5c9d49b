/** Builds server/dist unless it was built from just these sources; tells whether it is there. */
export function ensureBuilt(): Promise<boolean>
