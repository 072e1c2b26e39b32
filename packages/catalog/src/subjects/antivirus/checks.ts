import { bad, type Check, defineCheck, lasting, sinceTiers } from '../../check.ts'
import { days, hours, minutes } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worst, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { AntivirusFact } from './facts.ts'

type Product = AntivirusFact['products'][number]

const products = ({ antivirus }: FactsBySubject) => antivirus.flatMap(fact => fact.data.products)
/** A product in passive mode stands aside for another: it protects nothing. */
const active = (facts: FactsBySubject) => products(facts).filter(product => product.passive !== true)
/** Scanners that look when they are asked to, by design: mail and file servers use them so. */
const isOnDemand = (product: Product): boolean => /^clam/i.test(product.name) && product.realtime !== true
/** Part of macOS: its data comes every few weeks, and its scans are never told. `hardening-integrity` judges the age of its data. */
const isXProtect = (product: Product): boolean => product.name === 'XProtect'

const perProduct = (facts: FactsBySubject, judge: (product: Product) => Answer): Answer =>
  worstOr('no product that is in charge', active(facts).map(judge))

export const antivirusMissing = defineCheck({
  name: 'antivirus-missing',
  subject: 'antivirus',
  title: 'No malware protection',
  unit: 'state',
  thresholds: { critical: 1 },
  sources: 'any',
  whenAbsent: 'evaluate',
  why: 'Windows without an active antivirus product is what malware looks for. A product in passive mode with no other in charge counts as none.',
  remedy: 'Switch Microsoft Defender on, or install the product that the company uses.',
  blind: 'Linux and macOS are not required to have one; where one is found it is judged by the other checks.',

  evaluate(facts, limit) {
    const [first] = active(facts)
    if (first) return ok(`${first.name} is in charge`)
    const type = facts.system[0]?.data.os.type
    if (type === undefined) return unknown('whether the machine needs an antivirus is not known: its operating system was not reported')
    if (type !== 'windows') return notApplicable('no antivirus is required on this operating system')
    const [passive] = products(facts)
    return bad(
      limit,
      passive ? `${passive.name} only stands aside, and no other product is in charge` : 'no antivirus product is installed',
    )
  },
})

export const antivirusRunning = defineCheck({
  name: 'antivirus-running',
  subject: 'antivirus',
  title: 'Malware protection does not run, or only in part',
  unit: 'state',
  thresholds: { critical: 1 },
  hold: minutes(5),
  why: 'An installed product whose service is stopped protects nothing; one with reduced function (expired licence, unsupported kernel) protects less than it seems.',
  remedy: 'Start its service; renew the licence; bring sensor and kernel to versions that fit.',

  evaluate: (facts, limit) =>
    perProduct(facts, ({ name, running, degraded, version, scheduled }) => {
      if (running === false && scheduled === null)
        return unknown(`whether anything starts the scans of ${name}, which has no service here, is not known`, 'Run the agent as root.')
      if (running === false && scheduled === false)
        return bad(limit, `${name} has no service here, and nothing is known to start its scans`, { product: name, version })
      if (running === false && scheduled && degraded === null)
        return notApplicable(`${name} scans on schedule, which antivirus-on-demand judges`)
      if (running === false && !scheduled) return bad(limit, `${name} does not run`, { product: name, version })
      if (running === null) return unknown(`whether ${name} runs is not known`)
      if (degraded !== null)
        return { status: 'warning', reason: `${name} protects only in part: ${degraded}`, evidence: { product: name, version } }
      return ok('every product runs')
    }),
})

export const antivirusRealtime = defineCheck({
  name: 'antivirus-realtime',
  subject: 'antivirus',
  title: 'Real-time protection is off',
  unit: 'milliseconds',
  thresholds: { warning: minutes(15), critical: hours(1) },
  sources: 'any',
  why: 'Without it malware is found, if at all, after it ran. A healthy status of the product does not mean that it watches.',
  remedy: 'Switch it on; if policy or another product switched it off, see which one is in charge.',
  blind: 'Scanners that work on demand (ClamAV without on-access scanning) are not judged here.',

  evaluate(facts, limit, now, { previous }) {
    const judged = products(facts).filter(product => !isOnDemand(product))
    const guard = judged.find(product => product.realtime === true && product.passive !== true && product.running !== false)
    if (guard) return ok(`${guard.name} watches`)
    if (judged.length === 0) return notApplicable('no product that should watch')
    const untold = judged.find(product => product.realtime === null && product.passive !== true && product.running !== false)
    if (untold) return unknown(`whether ${untold.name} watches is not known`)
    const names = judged.map(product => product.name).slice(0, 5)
    return lasting('off', limit, now, previous, {
      reason: value => `real-time protection of ${names.join(', ')} is off since ${value}`,
      evidence: names,
    })
  },
})

export const antivirusOnDemand = defineCheck({
  name: 'antivirus-on-demand',
  subject: 'antivirus',
  title: 'Malware is only looked for on schedule',
  unit: 'state',
  thresholds: { warning: 1 },
  sources: 'any',
  why: 'Scans by timer or cron are a choice that many make on file servers: what comes in lies there, and may run, until the next scan finds it.',
  remedy: 'Let the daemon watch files as they are opened (clamd with clamonacc), or accept the risk and lift the limit for this machine.',
  blind: 'Whether the scheduled scans run, which folders they scan, and what they found.',

  evaluate(facts, limit) {
    const scanner = active(facts).find(product => product.running === false && product.scheduled === true)
    if (!scanner) return notApplicable('no product that only scans on schedule')
    const guard = active(facts).find(product => product.realtime === true && product.running !== false)
    if (guard) return ok(`${guard.name} watches`)
    return bad(limit, `${scanner.name} only scans on schedule: nothing watches files as they are opened`, { product: scanner.name })
  },
})

export const antivirusSignatures = defineCheck({
  name: 'antivirus-signatures',
  subject: 'antivirus',
  title: 'Virus signatures are old',
  unit: 'milliseconds',
  thresholds: { warning: days(2), critical: days(7) },
  why: 'Vendors publish several times a day; a scanner does not know what appeared since its signatures were made (Checkmk 1/7 d, Zabbix 5 d).',
  remedy: 'See why the updater does not reach its server; start it.',

  evaluate: (facts, limit, now) =>
    perProduct(facts, product => {
      const { name, signaturesAt, signaturesCurrent, updaterRunning, signaturesVersion } = product
      const evidence = { product: name, signaturesVersion, signaturesAt }
      const updater: Answer[] =
        updaterRunning === false ? [{ status: 'warning', reason: `the updater of ${name} does not run`, evidence }] : []
      if (signaturesAt !== null) {
        return worst([
          ...updater,
          sinceTiers(signaturesAt, now, limit, { reason: value => `the signatures of ${name} are ${value} old`, evidence }),
        ])
      }
      if (signaturesCurrent === false) return { status: 'warning', reason: `${name} says that its signatures are not current`, evidence }
      if (signaturesCurrent) return worst([...updater, ok(`${name} says that its signatures are current`)])
      if (isXProtect(product)) return notApplicable(`the data of ${name} is judged by hardening-integrity`)
      if (product.kind === 'edr') return worst([...updater, notApplicable(`${name} has no signatures`)])
      return worst([...updater, unknown(`the age of the signatures of ${name} is not known`)])
    }),
})

export const antivirusThreats = defineCheck({
  name: 'antivirus-threats',
  subject: 'antivirus',
  title: 'Malware was found and is still there',
  unit: 'count',
  thresholds: { critical: 1 },
  why: 'A threat that was found and not removed is an infection.',
  remedy: 'Take the machine off the network and remove or reinstall; see where it came from.',

  evaluate: (facts, limit) =>
    worstOr(
      'no product',
      products(facts).map(({ name, activeThreats }) => {
        if (activeThreats === null) return notApplicable(`${name} does not tell its threats`)
        if (activeThreats === 0) return ok('no active threat')
        return bad(limit, `${name}: ${activeThreats} active threats`, { product: name, activeThreats })
      }),
    ),
})

export const antivirusTamper = defineCheck({
  name: 'antivirus-tamper',
  subject: 'antivirus',
  title: 'Tamper protection is off',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'The first thing that ransomware does with administrator rights is to switch the antivirus off.',
  remedy: 'Switch tamper protection on in the management of the product.',

  evaluate: (facts, limit) =>
    perProduct(facts, ({ name, tamperProtection }) => {
      if (tamperProtection === null) return notApplicable(`${name} does not tell of tamper protection`)
      return tamperProtection ? ok('tamper protection is on') : bad(limit, `tamper protection of ${name} is off`, { product: name })
    }),
})

export const antivirusScan = defineCheck({
  name: 'antivirus-scan',
  subject: 'antivirus',
  title: 'The machine was not scanned for weeks',
  unit: 'milliseconds',
  thresholds: { warning: days(14), critical: days(30) },
  why: 'A scan finds what came in before its signature was known. A full scan counts as a quick one.',
  remedy: 'Start a quick scan and see why the scheduled one does not run.',
  blind:
    'Scanners that work on demand, pure detection sensors, and products that do not tell the agent when they scanned: all but Microsoft Defender on Windows.',

  evaluate: (facts, limit, now) =>
    perProduct(facts, product => {
      const { name, kind, quickScanAt, fullScanAt } = product
      if (kind === 'edr' || isOnDemand(product) || isXProtect(product)) return notApplicable(`${name} has no scheduled scans`)
      if (quickScanAt === null && fullScanAt === null && product.tellsScans === false)
        return notApplicable(`${name} does not tell its scans here`)
      if (quickScanAt === null && fullScanAt === null) return unknown(`no finished scan of ${name} is known`, 'Start a quick scan.')
      const newest = Math.max(quickScanAt ?? 0, fullScanAt ?? 0)
      return sinceTiers(newest, now, limit, {
        reason: value => `${name} last scanned ${value} ago`,
        evidence: { product: name, quickScanAt, fullScanAt },
      })
    }),
})

export const antivirusChecks: readonly Check[] = [
  antivirusMissing,
  antivirusRunning,
  antivirusRealtime,
  antivirusOnDemand,
  antivirusSignatures,
  antivirusThreats,
  antivirusTamper,
  antivirusScan,
]
