// What `npm start` runs. JavaScript, so that Node need not load its TypeScript compiler when all is in the compile cache: that halves the
// time to listen and saves a quarter of the memory. The young generation is bounded in package.json, since V8 takes that flag at its start only:
// left alone it grows to as much as 128 MiB within minutes of a steady load, for nothing.
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';

// To optimize undici's parser takes V8 some 25 MiB, of which a thread's malloc keeps most for good; it is as fast without. Before the cache,
// which is kept by flags.
setFlagsFromString('--liftoff-only');
enableCompileCache(path.join(import.meta.dirname, '../../.cache/compile'));
await import('./main.ts');
