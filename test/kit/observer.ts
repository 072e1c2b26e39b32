import { createInterface } from 'node:readline'
import { openObserver } from './observed.ts'

/*
 * The agent's outbox and link as a process of their own, to be killed: each number on standard input becomes a look at a clock with that stratum;
 * `kept N` on standard output means that the outbox has it for good. Arguments: state folder, collector's address, token, name.
 */
const [folder = '', url = '', token = '', instance = 'observer'] = process.argv.slice(2)
const observer = await openObserver({ folder, url, token, instance, random: () => 0.05 })
process.stdout.write(`host ${observer.hostId}\n`)
for await (const line of createInterface({ input: process.stdin })) {
  await observer.observe(Number(line))
  process.stdout.write(`kept ${Number(line)}\n`)
}
