import type { Check } from '../../check.ts'

export const servicesChecks: readonly Check[] = []
