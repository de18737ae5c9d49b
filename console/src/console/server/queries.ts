import { QueryClient } from '@tanstack/react-query'

/**
 * What was read from the server. It is read again when the user comes back to the page, and when a
 * stream of changes says so.
 */
export const queries = new QueryClient({
  defaultOptions: {
    // The banner says when the server is silent, and then everything is read again.
    queries: { retry: false, staleTime: 2_000, networkMode: 'always' },
    mutations: { retry: false, networkMode: 'always' },
  },
})
