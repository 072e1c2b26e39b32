import { bad, type Check, defineCheck } from '../../check.ts'
import { ok, worstOr } from '../../finding.ts'

export const softwareBroken = defineCheck({
  name: 'software-broken',
  subject: 'software',
  title: 'Packages are half installed, or the package database does not answer',
  unit: 'count',
  thresholds: { warning: 1 },
  why: 'A package that is only half installed keeps its service from starting and every later update from being installed.',
  remedy: 'Let the package manager finish: `dpkg --configure -a`, `apt-get -f install`, or reinstall what is named.',

  evaluate: ({ software }, limit) =>
    worstOr(
      'no package database',
      software.map(({ source, data: { broken, total } }) => {
        if (broken === null || broken.length === 0) return ok(`${source}: ${total} packages`)
        return bad(limit, `${source}: ${broken.slice(0, 5).join(', ')} half installed`, { source, broken: broken.slice(0, 20) })
      }),
    ),
})

export const softwareChecks: readonly Check[] = [softwareBroken]
