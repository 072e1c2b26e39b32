import type { Check } from '../../check.ts'

export const sensorsChecks: readonly Check[] = []
