#!/usr/bin/env node
import { cli } from './cli.ts'

process.exitCode = await cli({ argv: process.argv.slice(2), env: process.env, out: process.stdout, err: process.stderr, process })
