import { DatabaseSync } from 'node:sqlite';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** By then other threads have freed what was collected, and connections to the functions are closed. */
const freedMs = 300;

/** Gives the memory that load left in V8's heap back to the system, and soon after malloc's. Stops the process for some 50 ms. */
export function releaseMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  // Another flavor would empty the pages and keep them.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  setTimeout(trim, freedMs).unref();
}

/**
 * Calls glibc's `malloc_trim`. The freed buffers lie between others that live, and glibc by itself gives back only the end. Node can call C only
 * through SQLite, which passes its own arguments: the first counts as the bytes to keep at the end.
 */
function trim(): void {
  const caller = new DatabaseSync(':memory:', { allowExtension: true });
  try {
    caller.loadExtension('libc.so.6', 'malloc_trim');
  } catch {
    // It returns 1 when it gave something back, and SQLite takes that for an error. Another libc does not have it.
  } finally {
    caller.close();
  }
}
