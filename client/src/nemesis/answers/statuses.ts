/** NemesisDB's statuses by name, as its 0.4 numbers them. */
export const status = {
  Ok: 1,
  OpCodeInvalid: 2,
  JsonInvalid: 3,
  PathInvalid: 4,
  NoPath: 5,
  CommandNotExist: 10,
  CommandMultiple: 11,
  CommandType: 12,
  CommandSyntax: 13,
  CommandDisabled: 14,
  KeySet: 20,
  KeyUpdated: 21,
  KeyNotExist: 22,
  KeyExists: 23,
  KeyRemoved: 24,
  ParamMissing: 26,
  KeyTypeInvalid: 27,
  ValueMissing: 40,
  ValueTypeInvalid: 41,
  ValueSize: 42,
  SessionNotExist: 100,
  SessionTokenInvalid: 101,
  SessionOpenFail: 102,
  SessionNewFail: 103,
  SaveStart: 120,
  SaveComplete: 121,
  SaveDirWriteFail: 122,
  SaveError: 123,
  Loading: 140,
  LoadComplete: 141,
  LoadError: 142,
  LoadDuplicate: 143,
  Unknown: 1000,
} as const

export type StatusName = keyof typeof status

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(status).map(([name, code]) => [code, name]),
)

/** `Status77` for a code that 0.4 does not have. */
export function statusName(code: number): string {
  return names.get(code) ?? `Status${code}`
}
