import type { FastifyInstance } from 'fastify'
import type { Access } from './auth.ts'

type Deps = {
  readonly access: Access /** PEM of what clients are to trust; empty where their systems know it. */
  authorities(): readonly string[]
}

/** The certificate authorities that clients of this collector are to trust: what Prometheus and browsers are given as a file. */
export async function authorityRoutes(app: FastifyInstance, { access, authorities }: Deps): Promise<void> {
  const schema = { summary: 'Certificate authorities of this collector, the one in use first; empty where systems know it', tags: ['api'] }
  app.get('/api/v1/authorities', { onRequest: access.need('viewer'), schema }, async () => ({ authorities: authorities() }))
}
