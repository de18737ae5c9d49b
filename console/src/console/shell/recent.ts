/** A record or a store that the user has opened. */
export interface RecentPlace {
  readonly name: string
  readonly note: string
  readonly href: string
}

const placesMax = 20
let places: readonly RecentPlace[] = []

/** The newest first. They are forgotten with the page, as they name keys. */
export function recentPlaces(): readonly RecentPlace[] {
  return places
}

export function noteRecent(place: RecentPlace): void {
  places = [place, ...places.filter(({ href }) => href !== place.href)].slice(0, placesMax)
}
