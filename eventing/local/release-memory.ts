import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives back to the system what load has left in V8's heap (100 MiB for short-lived objects alone, which V8 itself keeps). Stops the
 * process for some 50 ms.
 */
export function releaseMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  // The other flavor empties the pages and keeps them.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
