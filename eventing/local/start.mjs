// What `npm start` runs. JavaScript: when all is in the compile cache, Node need not load its TypeScript compiler. That halves the time to listen
// and saves a quarter of the memory. package.json bounds the young generation, since V8 takes that flag only at its start. Unbounded it grows to
// as much as 128 MiB within minutes of a steady load, for nothing.
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';

// Optimizing undici's parser takes V8 some 25 MiB, and a thread's malloc keeps most of it for good; it is as fast without. Set before the cache,
// which is kept by flags.
setFlagsFromString('--liftoff-only');
enableCompileCache(path.join(import.meta.dirname, '../../.cache/compile'));
await import('./main.ts');
