import type { CaseList } from '../case.ts'

/** md, controllers, ZFS, btrfs. */
export const raid: CaseList = {
  domain: 'raid',
  cases: () => [
    {
      source: 'raid/md',
      files: ['live/debian-12/proc-mdstat.txt'],
      reading: { outcomes: ['absent'] },
    },
  ],
  leftOut: [],
}
