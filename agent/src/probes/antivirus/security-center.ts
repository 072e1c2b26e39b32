import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, truth, whole } from '../windows/properties.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'

const SCRIPT = 'antivirus/security-center'
const MOST_PRODUCTS = 32

/**
 * Antivirus products that registered with Windows Security Center (class AntiVirusProduct); servers have none. The state is a bit field that
 * Microsoft does not publish: bits 12..15 say off, on, snoozed or expired, bits 4..7 whether the signatures are current.
 */
export default defineProbe({
  subject: 'antivirus',
  source: 'security-center',
  platforms: ['win32'],
  shares: 'powershell',
  every: '30m',
  timeout: '1m',
  blind: 'How old the signatures are: a product says current or not. A product that registered itself may say what it likes.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'products') },
    products: {
      from: 'Get-CimInstance -Namespace root/SecurityCenter2 AntiVirusProduct',
      recognise: text => /\bproductState\b/i.test(text),
    },
  },
  parse: parseSecurityCenter,

  async read(host: Host) {
    return parseSecurityCenter({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Absent on servers and where nothing registered, Error where no product can be read */
export function parseSecurityCenter(inputs: Inputs): FactTypes['antivirus'] {
  const objects = inputs.products ? inputs.products.flatMap(({ text }) => jsonObjects(text) ?? listObjects(text)) : listedIn(inputs)
  const registered = objects.filter(object => object.has('productstate') || object.has('displayname'))
  if (inputs.products && registered.length === 0) throw new Error('Cannot read any product: wanted displayName and productState')
  if (registered.length === 0) throw new Absent('no antivirus product has registered with Windows Security Center')
  const products = registered.slice(0, MOST_PRODUCTS).map(productOf)
  const another = products.some(product => product.realtime === true && !isMicrosoft(product))
  return {
    products: products.map(product =>
      another && isMicrosoft(product) && product.running === false ? { ...product, passive: true } : product,
    ),
  }
}

function listedIn(inputs: Inputs): Properties[] {
  const products = partOf(answerOf(needed(inputs, 'answer')), 'products')
  if (!products) throw new Error('Cannot read the products: the answer has no list')
  return products
}

function isMicrosoft({ name }: AntivirusProduct): boolean {
  return /^(windows|microsoft) defender/i.test(name)
}

function productOf(object: Properties): AntivirusProduct {
  const name = cut(object.get('displayname') ?? object.get('name') ?? '', 64)
  const state = whole(object.get('productstate'))
  if (name === '' || state === null || state > 0xffffff)
    throw new Error(`Cannot read the product ${JSON.stringify(name)}: wanted a name and a numeric productState`)
  const gone = truth(object.get('programthere')) === false
  const mode = gone ? 0 : (state >> 12) & 0xf
  const signatures = (state >> 4) & 0xf
  return {
    ...unknownProduct(name),
    vendor: /^(windows|microsoft) defender/i.test(name) ? 'Microsoft' : null,
    running: mode === 1 || mode === 2 ? true : mode === 0 ? false : null,
    realtime: mode === 1 ? true : mode === 0 || mode === 2 || mode === 3 ? false : null,
    signaturesCurrent: signatures === 0 ? true : signatures === 1 ? false : null,
    degraded: gone ? 'its program is not there any more' : mode === 2 ? 'snoozed' : mode === 3 ? 'expired' : null,
  }
}
