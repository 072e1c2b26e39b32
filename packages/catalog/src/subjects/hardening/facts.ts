import * as v from 'valibot'
import { list, maybe, text } from '../../shapes.ts'

/** Platform protections that are on or off; bounded, since each is a label value. */
const controls = [
  'secure_boot',
  'tpm',
  'kernel_lockdown',
  'selinux',
  'apparmor',
  'sip',
  'gatekeeper',
  'xprotect',
  'uac',
  'smartscreen',
  'lsa_protection',
  'hvci',
  'screen_lock',
  'no_automatic_login',
  'no_remote_login',
  'ssh_no_root_password',
  'ssh_no_password',
  'no_smb1',
  'cpu_mitigations',
  'audit',
] as const
export type Control = (typeof controls)[number]

/** States of the platform's protections. */
export const hardeningFact = v.object({
  controls: list(
    v.object({
      name: v.picklist(controls),
      /** `absent`: this machine cannot have it (BIOS without Secure Boot). `unknown`: could not be read; `hint` tells how. */
      state: v.picklist(['on', 'partial', 'off', 'absent', 'unknown']),
      detail: maybe(text()),
      hint: maybe(text()),
    }),
    64,
  ),
})
export type HardeningFact = v.InferOutput<typeof hardeningFact>
