import type { FastifyInstance } from 'fastify'
import type { ApiRole, RoleHook } from './auth.ts'

/** A route, and who may come to it. */
export type GuardedRoute = { readonly method: string; readonly url: string; readonly role: ApiRole | 'open' }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Everybody may come: it tells nothing of the fleet. */
    open?: true
  }
}

/**
 * Demands of every route that it says who may come: by a hook of `Access.need`, or by being `open`. Must be called before any route is added.
 * @returns the routes, as they are added
 */
export function guardRoutes(app: FastifyInstance): readonly GuardedRoute[] {
  const routes: GuardedRoute[] = []
  app.addHook('onRoute', ({ method, url, onRequest, config, schema }) => {
    const role = ([onRequest].flat() as (Partial<RoleHook> | undefined)[]).find(hook => hook?.role)?.role
    const open = config?.open === true
    if ((role === undefined) !== open)
      throw new Error(`Cannot serve ${method} ${url}: it does not say who may come, by a role or by being open to everybody`)
    // So the description of the API says it too.
    if (schema) schema.description ??= open ? 'Open to everybody.' : `Needs the role ${role}.`
    for (const one of [method].flat()) routes.push({ method: one, url, role: role ?? 'open' })
  })
  return routes
}
