import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inOneFile, type PemFiles } from './pem-files.ts'
import { freePort } from './process.ts'
import { type Server, startServer } from './server.ts'
import { until } from './until.ts'

const execute = promisify(execFile)

/** The proxies whose configurations are shipped. */
export const reverseProxies = ['nginx', 'haproxy', 'caddy'] as const
export type ReverseProxyName = (typeof reverseProxies)[number]

/** A real proxy that ends TLS before a collector, with the shipped configuration. */
export type ReverseProxy = {
  readonly port: number
  /** `https://localhost:PORT` */
  readonly url: string
  /** Takes its configuration again, as its unit does at `systemctl reload`; its old process or configuration ends by and by. */
  reload(): Promise<unknown>
  /** Ends it and starts it again on the same port, when `between` is done. */
  restart(between?: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

type Wish = {
  readonly port: number
  /** Port of the collector on loopback. */
  readonly collector: number
  /** For `localhost`. */
  readonly pem: PemFiles
  /** In place of the idle timeout of a WebSocket as shipped, s. */
  readonly idleS?: number
}

/** Only names, addresses, paths of this machine and the idle timeout differ from deploy/. */
export async function startReverseProxy(
  name: ReverseProxyName,
  wish: Omit<Wish, 'port'> & { readonly port?: number },
): Promise<ReverseProxy> {
  const folder = await mkdtemp(join(tmpdir(), `fettle-${name}-`))
  const whole = { ...wish, port: wish.port ?? (await freePort()) }
  let server = await kinds[name](folder, whole)
  return {
    port: whole.port,
    url: `https://localhost:${whole.port}`,
    reload: () => reloads[name](server, folder),
    async restart(between = async () => {}) {
      await server.stop()
      await between()
      server = await kinds[name](folder, whole)
    },
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const shipped = (file: string) => readFile(new URL(`../../deploy/${file}`, import.meta.url), 'utf8')

const kinds: Record<ReverseProxyName, (folder: string, wish: Wish) => Promise<Server>> = { nginx, haproxy, caddy }

const reloads: Record<ReverseProxyName, (server: Server, folder: string) => Promise<unknown>> = {
  nginx: server => told(server, 'SIGHUP', /reconfiguring[\s\S]*start worker process/),
  haproxy: server => told(server, 'SIGUSR2', /Reloading HAProxy[\s\S]*Loading success/),
  caddy: (_, folder) =>
    execute('caddy', [
      'reload',
      '--force',
      ...['--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile', '--address', adminOf(folder)],
    ]),
}

function told(server: Server, signal: NodeJS.Signals, done: RegExp): Promise<unknown> {
  process.kill(server.pid, signal)
  return until(() => done.test(server.said), 'the proxy took its configuration again')
}

const adminOf = (folder: string) => `unix/${join(folder, 'admin.sock')}`

async function nginx(folder: string, { port, collector, pem, idleS = 75 }: Wish): Promise<Server> {
  const site = adapted(await shipped('nginx/fettle.conf'), [
    ['listen 443 ', `listen 127.0.0.1:${port} `],
    ['listen [::]:443 ', `listen [::1]:${port} `],
    ['server_name fettle.example.com', 'server_name localhost'],
    ['/etc/fettle/proxy.crt', pem.cert],
    ['/etc/fettle/proxy.key', pem.key],
    ['127.0.0.1:7300;', `127.0.0.1:${collector};`],
    ['proxy_read_timeout 75s', `proxy_read_timeout ${idleS}s`],
    ['proxy_send_timeout 75s', `proxy_send_timeout ${idleS}s`],
  ])
  const frame = adapted(await shipped('nginx/nginx.conf'), [
    ['worker_rlimit_nofile 65536;', 'worker_rlimit_nofile 1024;'],
    ['worker_connections 32768;', 'worker_connections 256;'],
    ['/run/nginx.pid', join(folder, 'nginx.pid')],
    ['access_log /var/log/nginx/access.log;', 'access_log off;'],
    ['error_log  /var/log/nginx/error.log;', ''],
    ['/etc/nginx/conf.d/*.conf', join(folder, 'fettle.conf')],
  ])
  await writeFile(join(folder, 'fettle.conf'), site)
  await writeFile(join(folder, 'nginx.conf'), frame)
  const argv = ['nginx', '-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off; error_log stderr notice;']
  return (await startServer(argv, /start worker process \d+/)).server
}

async function haproxy(folder: string, { port, collector, pem, idleS = 75 }: Wish): Promise<Server> {
  const config = adapted(await shipped('haproxy/haproxy.cfg'), [
    ['bind :443 ssl crt /etc/fettle/proxy.pem', `bind 127.0.0.1:${port},[::1]:${port} ssl crt ${await inOneFile(pem)}`],
    ['maxconn 32768', 'maxconn 256'],
    ['127.0.0.1:7300', `127.0.0.1:${collector}`],
    ['127.0.0.1:7300', `127.0.0.1:${collector}`],
    ['127.0.0.1:7300', `127.0.0.1:${collector}`],
    ['timeout tunnel 75s', `timeout tunnel ${idleS}s`],
  ])
  await writeFile(join(folder, 'haproxy.cfg'), config)
  return (await startServer(['haproxy', '-W', '-db', '-f', join(folder, 'haproxy.cfg')], /Loading success/)).server
}

async function caddy(folder: string, { port, collector, pem }: Wish): Promise<Server> {
  const config = adapted(await shipped('caddy/Caddyfile'), [
    ['{\n\tservers {', `{\n\tadmin ${adminOf(folder)}\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1 ::1\n\tservers {`],
    ['\nfettle.example.com {', `\nlocalhost:${port} {`],
    ['/etc/fettle/proxy.crt', pem.cert],
    ['/etc/fettle/proxy.key', pem.key],
    ['reverse_proxy 127.0.0.1:7300', `reverse_proxy 127.0.0.1:${collector}`],
  ])
  await writeFile(join(folder, 'Caddyfile'), config)
  const env = { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const argv = ['caddy', 'run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']
  return (await startServer(argv, /serving initial configuration/, env)).server
}

/** @throws where the shipped file has no such place: a test of another file would prove nothing */
function adapted(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`Cannot adapt the shipped configuration: it has no ${JSON.stringify(from)}`)
    return changed.replace(from, () => to)
  }, text)
}
