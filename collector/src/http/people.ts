import type { FastifyInstance } from 'fastify'
import type { Access } from './auth.ts'
import type { Sessions } from './sessions.ts'

/** Who is signed in, and how to end that: for somebody who left, or lost a laptop. */
export async function peopleRoutes(app: FastifyInstance, { access, sessions }: { access: Access; sessions: Sessions }): Promise<void> {
  const onRequest = access.need('admin')

  app.get(
    '/api/v1/sessions',
    { onRequest, schema: { summary: 'Who is signed in, as which role, until when', tags: ['sessions'] } },
    async () => ({ sessions: await sessions.list() }),
  )

  app.delete<{ Params: { person: string } }>(
    '/api/v1/sessions/:person',
    {
      onRequest,
      schema: {
        summary: 'End all sessions of a person; groups decide about the next sign-in',
        tags: ['sessions'],
        params: { type: 'object', properties: { person: { type: 'string', maxLength: 256, description: 'Name or subject.' } } },
      },
    },
    async (request, reply) => {
      const { person } = request.params
      const ended = await sessions.endAll(person)
      return ended > 0 ? { ended } : reply.code(404).send({ error: `nobody is signed in as ${JSON.stringify(person)}` })
    },
  )
}
