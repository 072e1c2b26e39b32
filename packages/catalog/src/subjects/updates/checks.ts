import type { Check } from '../../check.ts'

export const updatesChecks: readonly Check[] = []
