import type { Check } from '../../check.ts'

export const disksChecks: readonly Check[] = []
