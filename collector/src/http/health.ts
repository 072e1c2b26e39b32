import type { FastifyInstance } from 'fastify'

/** Whether the process lives (`/healthz`) and whether it can do its work (`/readyz`, which says why not). Open to everyone: they tell no data. */
export async function healthRoutes(app: FastifyInstance, readiness: () => Promise<string[]>): Promise<void> {
  let asked: Promise<string[]> | undefined
  app.get('/healthz', { config: { open: true }, schema: { summary: 'The process answers', tags: ['health'] } }, async () => ({
    status: 'ok',
  }))
  app.get(
    '/readyz',
    { config: { open: true }, schema: { summary: 'The store answers and the fleet is loaded', tags: ['health'] } },
    async (_request, reply) => {
      // Whoever asks without pause costs the store one question at a time.
      asked ??= readiness().finally(() => {
        asked = undefined
      })
      const problems = await asked
      return reply.code(problems.length === 0 ? 200 : 503).send({ status: problems.length === 0 ? 'ready' : 'not ready', problems })
    },
  )
}
