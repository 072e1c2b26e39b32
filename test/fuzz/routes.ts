import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '@fettle/kit'
import { buildCollector } from '../../collector/src/collector.ts'
import { readCollectorConfig } from '../../collector/src/config.ts'
import { IN_PROCESS } from '../../collector/src/http/auth.ts'
import { corpusOf, type Target } from './target.ts'

type Schema = {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Record<string, Schema>
  readonly items?: Schema
}
type Request = {
  readonly method: 'GET'
  readonly url: string
  readonly headers: Record<string, string>
  readonly payload?: string
  readonly remoteAddress: string
}
type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[]
  readonly requestBody?: { readonly content?: Record<string, { readonly schema?: Schema }> }
}

/** What would end the fuzzing itself: everything but moving the store may be asked for. */
const SPARED = /^\/api\/v1\/store/

/** Every route's input, made from the OpenAPI description, against a collector in this process. */
export async function routes(): Promise<Target> {
  const data = await mkdtemp(join(tmpdir(), 'fettle-fuzz-'))
  const config = readCollectorConfig(undefined, { FETTLE_DATA: data, FETTLE_NAME: 'fuzz' })
  const built = await buildCollector({ config, log: createLog('fuzz', 'silent') })
  const described = await built.app.inject({ method: 'GET', url: '/api/v1/openapi.json', remoteAddress: IN_PROCESS })
  const { paths } = JSON.parse(described.body) as { paths: Record<string, Record<string, Operation>> }
  const made = Object.entries(paths)
    .filter(([path]) => !SPARED.test(path))
    .flatMap(([path, operations]) => Object.entries(operations).map(([method, operation]) => requestText(method, path, operation)))
  const bare = ['/', '/hosts/web1', '/metrics', '/healthz', '/readyz', '/sign-in', '/sign-in/answer?code=1&state=2'].map(
    url => `GET ${url}\n\n`,
  )
  return {
    name: 'routes',
    corpus: [...made, ...made, ...bare, ...corpusOf('routes')],
    async read(text, random) {
      const request = requestOf(text, random() < 0.7)
      if (!request) return
      const started = performance.now()
      const answer = await built.app.inject(request)
      const what = `${String(request.method)} ${String(request.url).slice(0, 200)} is answered with ${answer.statusCode}`
      if (answer.statusCode >= 500 && answer.statusCode !== 503) throw new Error(what)
      if (performance.now() - started > 5_000) throw new Error(`${what} after ${performance.now() - started} ms`)
      if (String(answer.headers['content-type']).startsWith('application/json') && answer.body !== '') JSON.parse(answer.body)
    },
    async close() {
      await built.close()
      await rm(data, { recursive: true, force: true })
    },
  }
}

/** A request as text, which can be cut and spliced: method and address, headers, an empty line, the body. */
function requestText(method: string, path: string, { parameters = [], requestBody }: Operation): string {
  const url = path.replace(/\{[^}]+\}/g, 'web1')
  const query = parameters.filter(one => one.in === 'query').map(({ name, schema }) => `${name}=${String(exampleOf(schema))}`)
  const body = requestBody?.content?.['application/json']?.schema
  return `${method.toUpperCase()} ${url}${query.length > 0 ? `?${query.join('&')}` : ''}\n\n${body ? JSON.stringify(exampleOf(body)) : ''}`
}

function exampleOf(schema: Schema | undefined): unknown {
  if (schema?.enum) return schema.enum[0]
  if (schema?.type === 'object')
    return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, exampleOf(one)]))
  if (schema?.type === 'array') return [exampleOf(schema.items)]
  if (schema?.type === 'integer' || schema?.type === 'number') return 1
  return schema?.type === 'boolean' ? true : 'web1'
}

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS']

function requestOf(text: string, asAdmin: boolean): Request | undefined {
  const [head = '', ...rest] = text.split('\n')
  const [method = '', url = ''] = head.split(' ')
  const empty = rest.indexOf('')
  const headers: [string, string][] = rest.slice(0, empty < 0 ? rest.length : empty).flatMap(line => {
    const [, name, value] = /^([A-Za-z-]{1,40}):([\x20-\x7e]*)$/.exec(line) ?? []
    return name && value !== undefined && !/^(content-length|transfer-encoding|connection|upgrade)$/i.test(name) ? [[name, value]] : []
  })
  // What no HTTP parser would hand on is not tried here.
  if (!METHODS.includes(method) || !/^\/[\x21-\x7e]*$/.test(url) || !URL.canParse(url, 'http://127.0.0.1')) return undefined
  if (SPARED.test(url)) return undefined
  const payload = rest.slice(empty + 1).join('\n')
  return {
    method: method as 'GET',
    url,
    headers: { 'content-type': 'application/json', host: '127.0.0.1', ...Object.fromEntries(headers) },
    ...(payload === '' || method === 'GET' || method === 'HEAD' ? {} : { payload }),
    remoteAddress: asAdmin ? IN_PROCESS : '192.0.2.1',
  }
}
