import type { Check } from '../../check.ts'

export const systemChecks: readonly Check[] = []
