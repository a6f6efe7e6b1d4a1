import { readdirSync, statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import path from 'node:path';
import { BundleError } from './bundles.ts';

const quietMs = 60;
const source = /\.(ts|tsx|json|css|html|svg|lua)$/;
const madeNotSaved = new Set(['dist', 'node_modules']);

/** Calls `deploy` when a source below `folder` was saved. A source that does not bundle is reported, and what runs stays. */
export function watchSources(
  folder: string,
  deploy: () => Promise<void>,
  report: (line: string) => void,
): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let busy = Promise.resolve();
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      busy = busy.then(deploy).catch((error: unknown) => {
        const text = error instanceof BundleError ? error.message : String(error);
        for (const line of `the sources do not bundle, what runs stays:\n${text}`.split('\n')) report(line);
      });
    }, quietMs);
  };

  // Folder by folder: Node's recursive watch on Linux watches the files that it finds. When an editor or git replaces a file, it hears nothing of
  // it any more (Node 24.21).
  const watchers = new Map<string, FSWatcher>();
  function follow(place: string): void {
    const watcher = watch(place, (event, name) => {
      if (name === null) return;
      const file = path.join(place, name);
      if (event === 'rename' && !madeNotSaved.has(name)) replaced(file);
      if (source.test(name)) changed();
    });
    watcher.on('error', (error) => {
      report(`sources in ${place} are not watched any more: ${String(error)}`);
    });
    watchers.set(place, watcher);
    for (const entry of readdirSync(place, { withFileTypes: true }))
      if (entry.isDirectory() && !madeNotSaved.has(entry.name)) follow(path.join(place, entry.name));
  }
  /** A folder may have come, gone, or been replaced. */
  function replaced(file: string): void {
    for (const [place, watcher] of watchers)
      if (place === file || place.startsWith(file + path.sep)) {
        watcher.close();
        watchers.delete(place);
      }
    try {
      if (!statSync(file).isDirectory()) return;
      follow(file);
      // It may have had files before it was watched.
      changed();
    } catch {
      // gone again
    }
  }
  follow(folder);
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
