import type { Check } from '../../check.ts'

export const filesystemsChecks: readonly Check[] = []
