import type { FastifyInstance } from 'fastify'
import type { Access } from './auth.ts'
import { refusePage } from './shell.ts'
import type { StandingActs } from './standing.ts'

/** Largest form, bytes: a token and nothing else. */
const FORM_BYTES = 4 * 1024

/** Lets the routes of this scope, and no others, take forms. A route of the API that took them could be reached from any site. */
export function readForms(scope: FastifyInstance): void {
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: FORM_BYTES }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))))
  })
}

/** What operators do on pages: each a form with the token of its page. */
export async function formRoutes(app: FastifyInstance, { access, acts }: { access: Access; acts: StandingActs }): Promise<void> {
  const route = {
    onRequest: access.need('operator'),
    preValidation: access.form,
    config: { page: true, form: true },
    schema: { hide: true },
  } as const
  await app.register(async forms => {
    readForms(forms)
    for (const [name, act] of Object.entries(acts)) {
      forms.post<{ Params: { instance: string } }>(`/hosts/:instance/${name}`, route, async (request, reply) => {
        const refused = await act(request.params.instance, '')
        if (refused) return refusePage(request, reply, refused.status, refused.error)
        return reply.redirect(name === 'revoke' || name === 'release' ? `/hosts/${encodeURIComponent(request.params.instance)}` : '/', 303)
      })
    }
  })
}
