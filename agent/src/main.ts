#!/usr/bin/env node
import { runFrugally } from './host/frugal.ts'

const { argv, env, stdin, stdout, stderr } = process
if (argv[2] === 'run') runFrugally()
const { cli } = await import('./cli.ts')
// Whoever reads may stop reading (`| head`): no reason to crash.
stdout.on('error', () => {})
process.exitCode = await cli({
  argv: argv.slice(2),
  env,
  stdout,
  stderr,
  readStdin: async () => (await import('node:stream/consumers')).text(stdin),
  untilStopped: async (log, stop) => (await import('@fettle/kit')).untilSignal(process, log, stop),
})
