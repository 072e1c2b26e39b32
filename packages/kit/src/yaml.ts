import type * as Yaml from 'yaml'

/**
 * The reader of YAML, loaded where there is something to read by it: a daemon without a configuration file would carry it all day.
 */
let yaml: typeof Yaml | undefined

/** Loads the reader of YAML. To be awaited before a configuration with a file is read, or a sample is written. */
export async function loadYaml(): Promise<void> {
  yaml ??= await import('yaml')
}

/** The reader of YAML. @throws where nobody has loaded it */
export function yamlReader(): typeof Yaml {
  if (!yaml) throw new Error('Cannot read YAML: its reader is not loaded')
  return yaml
}
