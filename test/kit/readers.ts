import { loadPlist } from '../../agent/src/probes/documents.ts'

await loadPlist()
