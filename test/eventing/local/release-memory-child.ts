// Ends well once memory that is free between buffers that are kept has gone back to the system: of 120 MiB all but 6, every 20th buffer.
import { releaseMemory } from '../../../eventing/local/release-memory.ts';
import { until } from '../../until.ts';

const size = (): number => process.memoryUsage.rss() / 2 ** 20;
let buffers = Array.from({ length: 6000 }, () => Buffer.allocUnsafeSlow(20_000).fill(1));
const loaded = size();
buffers = buffers.filter((_, n) => n % 20 === 19);
releaseMemory();
await until(() => size() < loaded - 90, { deadline: 5000, what: '90 MiB were given back' });
console.log(`${buffers.length} buffers are kept`);
