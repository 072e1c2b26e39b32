import type { Check } from '../../check.ts'

export const hardeningChecks: readonly Check[] = []
