import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from './auth.ts'
import { type Html, html } from './html.ts'
import { style } from './style.ts'

/** Pages are made anew every so often, s. */
const REFRESH_S = 60

/** Sends a page. Those of the fleet are made anew every minute; a form or an error is not. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  title: string,
  body: Html,
  refresh: 'refresh' | 'still' = 'refresh',
): FastifyReply {
  const page = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh === 'refresh' && html`<meta http-equiv="refresh" content="${REFRESH_S}">`}
<title>${title} · Fettle</title><style>${style}</style></head><body><header><a href="/">Fettle</a>${request.identity && who(request.identity)}</header><main>${body}</main></body></html>`
  return reply.header('Content-Type', 'text/html; charset=utf-8').send(page.toString())
}

/** A refusal, for people. */
export function refusePage(request: FastifyRequest, reply: FastifyReply, status: number, why: string): FastifyReply {
  const sentence = `${why.charAt(0).toUpperCase()}${why.slice(1)}.`
  return sendPage(
    request,
    reply.code(status),
    'Refused',
    html`<h1>That is not possible</h1><p>${sentence}</p><p><a href="/">Back to the fleet</a></p>`,
    'still',
  )
}

/** A button that sends a form: the one way in which a page changes anything. */
export function button(identity: Identity | undefined, action: string, label: string): Html | false {
  if (!identity?.formToken) return false
  return html`<form class="act" method="post" action="${action}"><input type="hidden" name="token" value="${identity.formToken}"><button>${label}</button></form>`
}

function who(identity: Identity): Html {
  const name = identity.who.replace(/^(person|token):/, '')
  return html`<span class="who">${identity.role === 'admin' && html`<a href="/audit">Audit log</a> `}${identity.who !== 'local' && html`<span class="quiet">${name}, ${identity.role}</span>`}${identity.session && button(identity, '/sign-out', 'Sign out')}</span>`
}
