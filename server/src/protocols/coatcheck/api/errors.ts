import { RequestError } from '../../rest/errors.ts'

export function pageNotFound(path: string): RequestError {
  return new RequestError(
    { status: 404, type: 'page-not-found' },
    `There is no endpoint at ${path}; docs/api.md lists all endpoints.`,
  )
}
