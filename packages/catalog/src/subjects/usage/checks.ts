import type { Check } from '../../check.ts'

export const usageChecks: readonly Check[] = []
