import { DatabaseSync } from 'node:sqlite';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** By then other threads have freed what was collected, and what was open to the functions is closed. */
const freedMs = 300;

/** Gives back to the system what load has left in V8's heap, and a moment later in malloc's. Stops the process for some 50 ms. */
export function releaseMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  // The other flavor empties the pages and keeps them.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  setTimeout(trim, freedMs).unref();
}

/**
 * Calls glibc's `malloc_trim`. The buffers that the collection freed lie between others that live, and glibc by itself gives back only what
 * is at the end. Node has no way to call C but SQLite's, which hands its own arguments: the first is taken for the bytes to keep at the end.
 */
function trim(): void {
  const caller = new DatabaseSync(':memory:', { allowExtension: true });
  try {
    caller.loadExtension('libc.so.6', 'malloc_trim');
  } catch {
    // It says 1 when it gave something back, which SQLite takes for an error. Another libc does not have it.
  } finally {
    caller.close();
  }
}
