import { request } from 'node:http'
import { createLog } from '@fettle/kit'
import { adminSocket } from './admin-socket.ts'
import { answered, buildCollector, type Call, callInProcess } from './collector.ts'
import { CommandError } from './command.ts'
import type { CollectorConfig } from './config.ts'

/** Runs `work` with the administrator's calls: on the running collector by its socket, else on the store itself. */
export async function withAdmin<T>(config: CollectorConfig, work: (call: Call) => Promise<T>): Promise<T> {
  const socket = adminSocket(config.values.data)
  if (await answers(socket)) return work(overSocket(socket))
  const built = await buildCollector({ config, log: createLog('fettle-collector', 'silent') })
  try {
    return await work(callInProcess(built.app))
  } finally {
    await built.close()
  }
}

function overSocket(socketPath: string): Call {
  return async (method, path, body) => {
    const { status, text } = await send(socketPath, method, path, body)
    return answered(status, text)
  }
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    return (await send(socketPath, 'GET', '/healthz')).status === 200
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return false
    throw new CommandError(
      `Cannot reach the running collector at ${socketPath}: ${code ?? String(error)}${code === 'EACCES' ? '; run this as the user of the collector, or as root' : ''}`,
    )
  }
}

function send(socketPath: string, method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const outgoing = request({ socketPath, method, path, headers }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(text)
  })
}
