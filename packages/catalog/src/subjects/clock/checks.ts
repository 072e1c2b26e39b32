import type { Check } from '../../check.ts'

export const clockChecks: readonly Check[] = []
