import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Files in PEM. */
export type PemFiles = { readonly cert: string; readonly key: string }

/** A company's certificate authority, made with openssl(1), and the files that it signs: for programs that read files. */
export type FileAuthority = {
  /** File of its certificate. */
  readonly file: string
  /** @param names as subjectAltName has them: `DNS:fettle.example.com`, `IP:127.0.0.1` */
  issue(name: string, names: readonly string[]): Promise<PemFiles>
}

/** @param folder where its files go */
export async function fileAuthority(folder: string, name = 'ca'): Promise<FileAuthority> {
  const at = (file: string) => join(folder, file)
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const own = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`), '-subj', `/CN=${name}`]
  await openssl('req', '-x509', '-days', '2', ...newKey, ...own, '-addext', 'basicConstraints=critical,CA:TRUE')
  return {
    file: at(`${name}.crt`),
    async issue(server, names) {
      const pair = { cert: at(`${server}.crt`), key: at(`${server}.key`) }
      const by = ['-CA', at(`${name}.crt`), '-CAkey', at(`${name}.key`)]
      const about = ['-subj', `/CN=${server}`, '-addext', `subjectAltName=${names.join(',')}`, '-addext', 'basicConstraints=CA:FALSE']
      await openssl('req', '-x509', '-days', '2', ...newKey, '-keyout', pair.key, '-out', pair.cert, ...by, ...about)
      return pair
    },
  }
}

/** Certificate and key in one file, as haproxy(1) wants them. */
export async function inOneFile({ cert, key }: PemFiles): Promise<string> {
  const file = cert.replace(/\.crt$/, '.pem')
  await writeFile(file, (await readFile(cert, 'utf8')) + (await readFile(key, 'utf8')), { mode: 0o600 })
  return file
}
