import type { Row } from './operations.ts'

/** All endpoints for monitoring. */
export const healthRows: readonly Row[] = [
  { at: 'GET /health', kind: 'public', ok: '200' },
  { at: 'HEAD /health', kind: 'public', ok: '200' },
  { at: 'GET /health/live', kind: 'anyone', ok: '200' },
  { at: 'HEAD /health/live', kind: 'anyone', ok: '200' },
  { at: 'GET /health/ready', kind: 'anyone', ok: '200' },
  { at: 'HEAD /health/ready', kind: 'anyone', ok: '200' },
]
