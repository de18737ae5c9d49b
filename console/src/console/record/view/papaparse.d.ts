// The package's own types want those of Node, which a web page does not have.
declare module 'papaparse' {
  export interface Mistake {
    readonly type: string
    readonly message: string
    /** From 0. */
    readonly row?: number
  }

  export function parse(
    text: string,
    options: { readonly skipEmptyLines: boolean },
  ): { readonly data: readonly (readonly string[])[]; readonly errors: readonly Mistake[] }
}
