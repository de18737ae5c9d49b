import { Component, type ReactNode } from 'react'

interface Failed {
  readonly error: unknown
}

/** Shows what went wrong in the page itself, in place of an empty page. */
export class Failure extends Component<{ readonly children: ReactNode }, Failed> {
  override readonly state: Failed = { error: undefined }

  static getDerivedStateFromError(error: unknown): Failed {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    const why = error instanceof Error ? error.message : String(error)
    return (
      <div className="failure" role="alert">
        <h1>This page has failed</h1>
        <p>{why}</p>
        <p>Nothing that was saved is lost.</p>
        <button type="button" className="btn main" onClick={() => location.reload()}>
          Load it again
        </button>
      </div>
    )
  }
}
