import type { Check } from '../../check.ts'

export const memoryChecks: readonly Check[] = []
