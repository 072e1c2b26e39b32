/** How agent and collector talk: frames, limits, close codes, signing. */
export * from './digest.ts'
export * from './enrolment.ts'
export * from './frames.ts'
export * from './limits.ts'
export * from './signing.ts'
export * from './wire.ts'
