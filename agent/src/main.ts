#!/usr/bin/env node
import { untilSignal } from '@fettle/kit'
import { cli } from './cli.ts'

const { argv, env, stdout, stderr } = process
// Whoever reads may stop reading (`| head`): no reason to crash.
stdout.on('error', () => {})
process.exitCode = await cli({
  argv: argv.slice(2),
  env,
  stdout,
  stderr,
  untilStopped: (log, stop) => untilSignal(process, log, stop),
})
