/** Durations in milliseconds, so that thresholds read as people say them. */
export const seconds = (n: number): number => n * 1000
export const minutes = (n: number): number => seconds(n * 60)
export const hours = (n: number): number => minutes(n * 60)
export const days = (n: number): number => hours(n * 24)

/** The age as a person says it: `3 d`, `26 h`, `5 min`. @param ms milliseconds, not negative */
export function age(ms: number): string {
  if (ms >= days(2)) return `${Math.floor(ms / days(1))} d`
  if (ms >= hours(2)) return `${Math.floor(ms / hours(1))} h`
  if (ms >= minutes(1)) return `${Math.floor(ms / minutes(1))} min`
  return `${Math.floor(ms / 1000)} s`
}
