import { loadPlist } from '../../agent/src/probes/documents.ts'
import { loadYaml } from '../../packages/kit/src/yaml.ts'

await Promise.all([loadPlist(), loadYaml()])
