import { join } from 'node:path'
import { parseFiles } from '../../agent/src/commands/parse.ts'
import { keyOf } from '../../agent/src/probe.ts'
import { probes } from '../../agent/src/probes/index.ts'
import type { Case, CaseList, Samples } from './case.ts'
import { compare, type Verdict } from './compare.ts'

/** One case and how it went. */
export type Result = Verdict & { readonly source: string; readonly files: readonly string[] }

/** Of all samples: how each case went, and the files that no case and no reason accounts for. */
export type Fidelity = { readonly results: readonly Result[]; readonly unaccounted: readonly string[] }

/** Reads every sample as `fettle-agent parse` does, and compares with what it truly says. */
export async function measure(samples: Samples, lists: readonly CaseList[]): Promise<Fidelity> {
  const cases = lists.flatMap(list => list.cases(samples))
  const results: Result[] = []
  for (const one of cases) results.push(await read(samples, one))
  const used = new Set(cases.flatMap(filesOf).flatMap(file => [file, `${file}.stderr`]))
  const leftOut = lists.flatMap(list => list.leftOut)
  return { results, unaccounted: samples.files.filter(file => !used.has(file) && !leftOut.some(({ files }) => files.test(file))) }
}

async function read(samples: Samples, { source, files, named = [], code, now, hostname = 'sample', reading }: Case): Promise<Result> {
  const probe = probes.find(candidate => keyOf(candidate) === source)
  if (!probe) throw new Error(`Cannot read ${files.join(', ')}: there is no source ${source}`)
  const told = await parseFiles(probe, {
    files: files.map(file => join(samples.root, file)),
    named: named.map(({ input, file }) => ({ input, file: join(samples.root, file) })),
    code: code ?? null,
    hostname,
    ...(now === undefined ? {} : { now: Date.parse(now) }),
  })
  return { source, files: [...files, ...named.map(({ file }) => file)], ...compare(told, reading) }
}

function filesOf({ files, named = [] }: Case): string[] {
  return [...files, ...named.map(({ file }) => file)]
}
