import type { Check } from '../../check.ts'

/** None: an inventory is read with a library that cannot tell a failure from "no such thing", so nothing may be judged by it. */
export const hardwareChecks: readonly Check[] = []
