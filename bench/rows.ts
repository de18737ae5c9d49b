import type { Row } from './measurement/row.ts'
import { applabRows } from './rows/applab.ts'
import { doorRows } from './rows/door.ts'
import { engineRows } from './rows/engine.ts'
import { hostileRows } from './rows/hostile.ts'
import { httpRows } from './rows/http.ts'
import { largeValueRow } from './rows/large-value.ts'
import { listingRows } from './rows/listing.ts'
import { nemesisRows } from './rows/nemesis.ts'
import { postgresRows } from './rows/postgres.ts'
import { socketRows } from './rows/socket.ts'
import { watchingRows } from './rows/watching.ts'

/** Every row of the benchmark, in the order in which they run. */
export const rows: readonly Row[] = [
  ...httpRows,
  ...doorRows,
  largeValueRow,
  ...listingRows,
  ...engineRows,
  ...socketRows,
  ...nemesisRows,
  ...applabRows,
  ...watchingRows,
  ...postgresRows,
  ...hostileRows,
]
