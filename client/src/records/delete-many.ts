import { errorBytesMax } from '../http/bounds.ts'
import { notUnderstood } from '../http/errors.ts'
import { type CallOptions, callPartsOf, type StoreAddress } from './address.ts'

/** Deletes what the body names, spelled as in listings. Returns how many records there were. */
export async function deleteSpelled(
  { caller, path }: StoreAddress,
  wanted: { readonly keys: readonly string[] } | { readonly prefix: string },
  options: CallOptions,
): Promise<number> {
  const request = {
    method: 'POST',
    path: `${path}/delete-records`,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(wanted),
    ...callPartsOf(options),
  }
  return caller.callWith(request, async (answer) => {
    const count = /"deletedCount":(\d+)/.exec(await answer.text(errorBytesMax))?.[1]
    if (count !== undefined) return Number(count)
    throw notUnderstood(answer.status, 'The server did not say how many records it deleted.')
  })
}
