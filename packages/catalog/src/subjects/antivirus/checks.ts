import type { Check } from '../../check.ts'

export const antivirusChecks: readonly Check[] = []
