import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { CollectorConfig } from './config.ts'
import { AGENT_PATH } from './gate.ts'
import { prefixOf } from './http/prefix.ts'
import { isSecure } from './tls/open.ts'

/** `host:port` taken apart; the host without brackets. */
export function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':')
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) }
}

/** Whether only this machine can connect to it. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** @throws where the address would be served in plain text to other machines */
export function demandTls(config: CollectorConfig): void {
  const { values } = config
  if (isLoopbackHost(addressOf(values.listen).host) || values.allowPlain || isSecure(config)) return
  throw new Error(
    `Cannot listen on ${values.listen} without TLS: set tls.cert and tls.key, or tls.own for certificates of an own authority, or allowPlain behind a proxy that does TLS, or listen on 127.0.0.1`,
  )
}

/** Where this collector can be connected to, as it listens; undefined while nothing does. */
export function listenedAt(app: FastifyInstance, config: CollectorConfig): string | undefined {
  const bound = app.server.address() as AddressInfo | null
  return bound ? urlOf(config, bound.address, bound.port) : undefined
}

/** Where agents are told to connect: what the configuration says, else where this collector listens, or would. */
export function agentAddresses(app: FastifyInstance, config: CollectorConfig): readonly [string, ...string[]] {
  const [first, ...others] = config.values.addresses
  if (first !== undefined) return [first, ...others]
  const { publicUrl } = config.values
  // Who ends TLS before this collector is whom agents come to.
  if (publicUrl !== null && !isSecure(config)) return [publicUrl.replace(/^http/, 'ws') + (prefixOf(publicUrl) === '' ? '' : AGENT_PATH)]
  if (config.values.publicUrl !== null) return [publicAddress(config.values.publicUrl)]
  const { host, port } = addressOf(config.values.listen)
  // No other machine can connect to "every address".
  const dialled = host === '0.0.0.0' || host === '::' ? (config.values['tls.names'][0] ?? hostname()) : host
  const bound = app.server.address() as AddressInfo | null
  return [urlOf(config, dialled, bound?.port ?? port)]
}

/** The public address as agents dial it: behind a path the proxy knows them by that path. */
function publicAddress(publicUrl: string): string {
  const path = new URL(publicUrl).pathname.replace(/\/+$/, '')
  return `${publicUrl.replace(/^http/, 'ws').replace(/\/+$/, '')}${path === '' ? '' : '/agent'}`
}

function urlOf(config: CollectorConfig, host: string, port: number): string {
  return `${isSecure(config) ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
