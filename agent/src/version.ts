import manifest from '../package.json' with { type: 'json' }

/** Version of the agent, as released. */
export const version: string = manifest.version
