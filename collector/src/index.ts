/** The collector, to be embedded by tests and by `npm start`. */
export { type RunningCollector, startCollector } from './collector.ts'
export { type CollectorConfig, readCollectorConfig } from './config.ts'
