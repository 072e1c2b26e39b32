import type { Store } from './store/store.ts'

/** Value that keeps what the collectors of a store call themselves. */
const NAME = 'server-name'

/**
 * What the collector calls itself, the same on every collector of a store: agents sign for this name alone.
 * @param names best first: what the configuration says, what this collector knew before the store was wiped, the name of this machine
 * @throws where the configuration wants another than agents know
 */
export async function serverName(
  store: Store,
  names: { readonly configured: string | null; readonly kept: string | undefined; readonly machine: string },
): Promise<string> {
  const { configured } = names
  const name = await store.values.putFirst(NAME, configured ?? names.kept ?? names.machine, null)
  if (configured === null || configured === name) return name
  for await (const _ of store.load()) {
    throw new Error(
      `Cannot use the name ${JSON.stringify(configured)}: the agents of this store know the collector as ${JSON.stringify(name)}; set \`name\` to that`,
    )
  }
  await store.values.put(NAME, configured, null)
  return configured
}

/** Gives the name back to a store that lost it. */
export async function restoreServerName(store: Store, name: string): Promise<void> {
  await store.values.putFirst(NAME, name, null)
}
