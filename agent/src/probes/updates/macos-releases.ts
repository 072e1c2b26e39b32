/**
 * Releases of macOS that mend security: release of the system, then day of publication and version, oldest first. Releases for which Apple names no
 * vulnerability are left out: the next one holds what they mend.
 *
 * Source of every row: the SOFA feed of the project macadmins (v1/macos_data_feed.json, checked on 2026-08-22), which holds what Apple publishes as
 * "Apple security releases" (https://support.apple.com/100100).
 */
export const MACOS_RELEASES: Readonly<Record<string, readonly (readonly [day: string, version: string])[]>> = {
  '14': [
    ['2023-09-26', '14.0'],
    ['2023-10-25', '14.1'],
    ['2023-11-30', '14.1.2'],
    ['2023-12-11', '14.2'],
    ['2023-12-19', '14.2.1'],
    ['2024-01-22', '14.3'],
    ['2024-03-07', '14.4'],
    ['2024-03-25', '14.4.1'],
    ['2024-05-13', '14.5'],
    ['2024-07-29', '14.6'],
    ['2024-09-16', '14.7'],
    ['2024-10-28', '14.7.1'],
    ['2024-12-11', '14.7.2'],
    ['2025-01-27', '14.7.3'],
    ['2025-02-10', '14.7.4'],
    ['2025-03-31', '14.7.5'],
    ['2025-05-12', '14.7.6'],
    ['2025-07-29', '14.7.7'],
    ['2025-08-20', '14.7.8'],
    ['2025-09-15', '14.8'],
    ['2025-09-29', '14.8.1'],
    ['2025-11-03', '14.8.2'],
    ['2025-12-12', '14.8.3'],
    ['2026-02-11', '14.8.4'],
    ['2026-03-24', '14.8.5'],
    ['2026-05-11', '14.8.7'],
    ['2026-07-27', '14.8.8'],
    ['2026-08-06', '14.8.9'],
  ],
  '15': [
    ['2024-09-16', '15.0'],
    ['2024-10-28', '15.1'],
    ['2024-11-19', '15.1.1'],
    ['2024-12-11', '15.2'],
    ['2025-01-27', '15.3'],
    ['2025-02-10', '15.3.1'],
    ['2025-03-11', '15.3.2'],
    ['2025-03-31', '15.4'],
    ['2025-04-16', '15.4.1'],
    ['2025-05-12', '15.5'],
    ['2025-07-29', '15.6'],
    ['2025-08-20', '15.6.1'],
    ['2025-09-15', '15.7'],
    ['2025-09-29', '15.7.1'],
    ['2025-11-03', '15.7.2'],
    ['2025-12-12', '15.7.3'],
    ['2026-02-11', '15.7.4'],
    ['2026-03-24', '15.7.5'],
    ['2026-05-11', '15.7.7'],
    ['2026-07-27', '15.7.8'],
    ['2026-08-06', '15.7.9'],
  ],
  '26': [
    ['2025-09-15', '26.0'],
    ['2025-09-29', '26.0.1'],
    ['2025-11-03', '26.1'],
    ['2025-12-12', '26.2'],
    ['2026-02-11', '26.3'],
    ['2026-03-24', '26.4'],
    ['2026-05-11', '26.5'],
    ['2026-06-29', '26.5.2'],
    ['2026-07-27', '26.6'],
    ['2026-08-06', '26.6.1'],
    ['2026-08-17', '26.6.2'],
  ],
}

/** Day until which the table is whole. */
export const MACOS_KNOWN_UNTIL = '2026-08-22'

/**
 * Releases that got nothing any more when the others were mended, by the day of that: Apple announces no end. Those before them have been without for
 * longer, since a day that is not told here.
 */
export const MACOS_LEFT_BEHIND: Readonly<Record<string, string>> = { '13': '2025-09-15', '12': '2024-09-16' }

/** Every release before this one is left behind. */
export const OLDEST_MENDED = 14
