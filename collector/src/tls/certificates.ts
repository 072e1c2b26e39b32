import 'reflect-metadata'
import { createPrivateKey, type KeyObject, webcrypto, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as X509,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A certificate and its private key. */
export type KeyPair = {
  /** PKCS #8, PEM. */
  readonly key: string
  readonly certificate: string
}

/** From when until when, epoch ms. */
export type Validity = { readonly from: number; readonly until: number }

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A certificate authority that signs servers' certificates and nothing else, as RFC 5280 wants one; its key is ECDSA on P-256. */
export async function makeAuthority(name: string, { from, until }: Validity): Promise<KeyPair> {
  const pair = await newPair()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    notBefore: new Date(from),
    notAfter: new Date(until),
    keys: pair,
    signingAlgorithm: ECDSA,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(pair.publicKey),
    ],
  })
  return { key: pair.pem, certificate: `${certificate.toString('pem')}\n` }
}

/** Which authority signs, with its opened key. */
export type Signer = { readonly key: KeyObject; readonly certificate: X509Certificate }

/** A server's certificate for names and addresses, signed by an authority. @param names DNS names and IP addresses, at least one */
export async function makeCertificate(signer: Signer, names: readonly [string, ...string[]], { from, until }: Validity): Promise<KeyPair> {
  const pair = await newPair()
  const issuer = new X509(signer.certificate.raw)
  const certificate = await X509CertificateGenerator.create({
    // A name longer than 64 characters does not fit here (ub-common-name); clients look at the alternative names alone.
    subject: [{ CN: [names[0].slice(0, 64)] }],
    issuer: issuer.subjectName,
    notBefore: new Date(from),
    notAfter: new Date(until),
    publicKey: pair.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', signer.key.export({ type: 'pkcs8', format: 'der' }), ECDSA, false, ['sign']),
    signingAlgorithm: ECDSA,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map(value => ({ type: isIP(value) ? 'ip' : 'dns', value }))),
      await SubjectKeyIdentifierExtension.create(pair.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return { key: pair.pem, certificate: `${certificate.toString('pem')}\n` }
}

async function newPair() {
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify'])
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey))
  const pem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }).toString()
  return { privateKey, publicKey, pem }
}
