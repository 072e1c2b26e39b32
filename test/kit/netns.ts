import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** A machine of its own as far as its network goes: a network namespace of ip-netns(8), with one cable to this one. */
export type OtherMachine = {
  /** This machine, as it is reached from there. */
  readonly here: string
  /** Runs a program there: what to put before it. */
  readonly inside: readonly string[]
  run(...argv: string[]): Promise<string>
  /** Pulls the cable or plugs it in. */
  cable(state: 'up' | 'down'): Promise<unknown>
  /** From now on packets of the connections that stand now vanish on their way, as in a router that forgot them: nobody is told. */
  forgetConnections(): Promise<void>
  remove(): Promise<void>
}

/** @param number tells machines that exist at once apart, 0..63 */
export async function otherMachine(number = 0): Promise<OtherMachine> {
  const name = `fettle-${process.pid}-${number}`
  const cable = `fet${process.pid % 100_000}-${number}`
  const net = `10.203.${number}`
  const ip = async (...args: string[]) => (await execute('ip', args)).stdout
  const inside = ['ip', 'netns', 'exec', name]
  const run = async (...argv: string[]) => (await execute('ip', ['netns', 'exec', name, ...argv])).stdout
  await ip('netns', 'add', name)
  try {
    await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await ip('address', 'add', `${net}.1/24`, 'dev', cable)
    await ip('link', 'set', cable, 'up')
    await run('ip', 'address', 'add', `${net}.2/24`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) await run('ip', 'link', 'set', device, 'up')
  } catch (error) {
    await ip('netns', 'delete', name)
    throw error
  }
  return {
    here: `${net}.1`,
    inside,
    run,
    cable: state => run('ip', 'link', 'set', 'eth0', state),
    async forgetConnections() {
      const ports = [...(await run('ss', '-Htn', 'state', 'established')).matchAll(/\d+\s+\d+\s+\S+:(\d+)\s/g)].map(([, port]) => port)
      const rules = ports.flatMap(port => [`add rule inet lost out tcp sport ${port} drop`, `add rule inet lost in tcp dport ${port} drop`])
      const chain = (of: string, hook: string) => `add chain inet lost ${of} { type filter hook ${hook} priority 0; policy accept; }`
      await run('nft', ['add table inet lost', chain('out', 'output'), chain('in', 'input'), ...rules].join('\n'))
    },
    remove: () => ip('netns', 'delete', name).then(() => {}),
  }
}
