// Prints how large this process is after load, and after giving memory back, in MiB: JSON.
import { releaseMemory } from '../../../eventing/local/release-memory.ts';

const size = (): number => process.memoryUsage.rss() / 2 ** 20;
let buffers = Array.from({ length: 6000 }, () => Buffer.allocUnsafeSlow(20_000).fill(1));
const loaded = size();
buffers = buffers.filter((_, n) => n % 20 === 19);
releaseMemory();
console.log(JSON.stringify({ loaded, released: size(), kept: buffers.length }));
