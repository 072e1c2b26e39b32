/**
 * Monthly security releases of Windows: build, then day of publication and the lowest revision (UBR) that holds its fixes, oldest first.
 * Out-of-band and preview releases are left out: the next monthly one holds them. Where a hotpatch carries the same fixes without a restart its
 * revision stands, which is lower than that of the ordinary release (2026-02, 2026-03 and 2026-05 of 24H2 and 25H2) and higher than that of
 * every release before.
 *
 * Source of every row: the dataset windows-update-history (content/ms/win/buildnumbers.json) of altrhombus/DataForGeeks as collected on
 * 2026-07-23, which holds Microsoft's own update histories (https://aka.ms/WindowsUpdateHistory, https://aka.ms/Windows11UpdateHistory and those
 * of Server 2016 to 2025). Server 2025 has had revisions of its own since January 2026. The last release of 25398 in it is of 2026-05-12.
 */
export const WINDOWS_RELEASES: Readonly<Record<string, readonly (readonly [day: string, revision: number])[]>> = {
  '14393': [
    ['2025-10-14', 8519],
    ['2025-11-11', 8594],
    ['2025-12-09', 8688],
    ['2026-01-13', 8783],
    ['2026-02-10', 8868],
    ['2026-03-10', 8957],
    ['2026-04-14', 9060],
    ['2026-05-12', 9140],
    ['2026-06-09', 9234],
    ['2026-07-14', 9339],
  ],
  '17763': [
    ['2025-10-14', 7919],
    ['2025-11-11', 8027],
    ['2025-12-09', 8146],
    ['2026-01-13', 8276],
    ['2026-02-10', 8389],
    ['2026-03-10', 8511],
    ['2026-04-14', 8644],
    ['2026-05-12', 8755],
    ['2026-06-09', 8880],
    ['2026-07-14', 9020],
  ],
  '19044': [
    ['2025-10-14', 6456],
    ['2025-11-11', 6575],
    ['2025-12-09', 6691],
    ['2026-01-13', 6809],
    ['2026-02-10', 6937],
    ['2026-03-10', 7058],
    ['2026-04-14', 7184],
    ['2026-05-12', 7291],
    ['2026-06-09', 7417],
    ['2026-07-14', 7548],
  ],
  '19045': [
    ['2025-10-14', 6456],
    ['2025-11-11', 6575],
    ['2025-12-09', 6691],
    ['2026-01-13', 6809],
    ['2026-02-10', 6937],
    ['2026-03-10', 7058],
    ['2026-04-14', 7184],
    ['2026-05-12', 7291],
    ['2026-06-09', 7417],
    ['2026-07-14', 7548],
  ],
  '20348': [
    ['2025-10-14', 4294],
    ['2025-11-11', 4405],
    ['2025-12-09', 4529],
    ['2026-01-13', 4648],
    ['2026-02-10', 4773],
    ['2026-03-10', 4893],
    ['2026-04-14', 5020],
    ['2026-05-12', 5139],
    ['2026-06-09', 5256],
    ['2026-07-14', 5386],
  ],
  '22621': [
    ['2025-09-09', 5909],
    ['2025-10-14', 6060],
  ],
  '22631': [
    ['2025-10-14', 6060],
    ['2025-11-11', 6199],
    ['2025-12-09', 6345],
    ['2026-01-13', 6491],
    ['2026-02-10', 6649],
    ['2026-03-10', 6783],
    ['2026-04-14', 6936],
    ['2026-05-12', 7079],
    ['2026-06-09', 7219],
    ['2026-07-14', 7376],
  ],
  '25398': [
    ['2025-10-14', 1913],
    ['2025-11-11', 1965],
    ['2025-12-09', 2025],
    ['2026-01-13', 2092],
    ['2026-02-10', 2149],
    ['2026-03-10', 2207],
    ['2026-04-14', 2274],
    ['2026-05-12', 2330],
  ],
  '26100': [
    ['2025-10-14', 6899],
    ['2025-11-11', 7171],
    ['2025-12-09', 7462],
    ['2026-01-13', 7623],
    ['2026-02-10', 7781],
    ['2026-03-10', 7979],
    ['2026-04-14', 8246],
    ['2026-05-12', 8390],
    ['2026-06-09', 8655],
    ['2026-07-14', 8875],
  ],
  '26200': [
    ['2025-10-14', 6899],
    ['2025-11-11', 7171],
    ['2025-12-09', 7462],
    ['2026-01-13', 7623],
    ['2026-02-10', 7781],
    ['2026-03-10', 7979],
    ['2026-04-14', 8246],
    ['2026-05-12', 8390],
    ['2026-06-09', 8655],
    ['2026-07-14', 8875],
  ],
  '28000': [
    ['2026-02-10', 1575],
    ['2026-03-10', 1719],
    ['2026-04-14', 1836],
    ['2026-05-12', 2113],
    ['2026-06-09', 2269],
    ['2026-07-14', 2525],
  ],
  '26100-server': [
    ['2025-10-14', 6899],
    ['2025-11-11', 7171],
    ['2025-12-09', 7462],
    ['2026-01-13', 32230],
    ['2026-02-10', 32370],
    ['2026-03-10', 32522],
    ['2026-04-14', 32690],
    ['2026-05-12', 32860],
    ['2026-06-09', 32995],
    ['2026-07-14', 33158],
  ],
}

/** Day until which the table is complete: the eve of the first monthly release after it was collected. Later it proves that a machine is late, and never that it is not. */
export const RELEASES_KNOWN_UNTIL = '2026-08-10'

/** Builds whose releases the table knows only until an earlier day: nothing is told of them later, and nobody said that they ended. */
export const KNOWN_UNTIL: Readonly<Record<string, string>> = { '25398': '2026-06-08' }

/**
 * Builds that get no monthly releases any more in any edition, with their last day.
 *
 * Source: the datasets windows-lifecycle-client (2026-05-27) and windows-lifecycle-ltsc (2026-05-28) of the same collection, which hold
 * https://learn.microsoft.com/lifecycle; of each version the edition that was supported longest. 10240, 14393, 17763, 19044 and 19045 are not
 * here: long-term editions or paid extensions go on.
 */
export const ENDED_BUILDS: Readonly<Record<string, string>> = {
  '10586': '2017-10-10',
  '15063': '2019-10-08',
  '16299': '2020-10-13',
  '17134': '2021-05-11',
  '18362': '2020-12-08',
  '18363': '2022-05-10',
  '19041': '2021-12-14',
  '19042': '2023-05-09',
  '19043': '2022-12-13',
  '22000': '2024-10-08',
  '22621': '2025-10-14',
}
