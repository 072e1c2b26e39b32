import type { FactTypes } from '@fettle/catalog'

export type Battery = FactTypes['battery']['batteries'][number]

/** Full against design capacity, in steps of 1 %, downwards. Null where either is missing or the two do not fit together: other units, firmware that forgot. */
export function healthOf(full: number | null, design: number | null): number | null {
  if (full === null || design === null || full <= 0 || design <= 0) return null
  const ratio = full / design
  return ratio > 1.5 ? null : Math.floor(ratio * 100 + 1e-9) / 100
}

/** Charge against full, in steps of 5 %, downwards; null where it cannot be told. */
export function chargeOf(now: number | null, full: number | null): number | null {
  if (now === null || full === null || full <= 0 || now < 0) return null
  return Math.min(1, Math.floor((now / full) * 20 + 1e-9) / 20)
}

/** Cycles, where they are counted: many a firmware says 0 for "not counted". */
export function cyclesOf(count: number | null): number | null {
  return count === null || count <= 0 || count > 100_000 ? null : count
}
