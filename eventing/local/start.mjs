// What `npm start` runs. JavaScript, so that Node need not load its TypeScript compiler when all is in the compile cache: that halves the
// time to listen and saves a quarter of the memory.
import { enableCompileCache } from 'node:module';
import path from 'node:path';

enableCompileCache(path.join(import.meta.dirname, '../../.cache/compile'));
await import('./main.ts');
