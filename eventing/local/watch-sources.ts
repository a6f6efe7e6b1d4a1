import { watch } from 'node:fs';
import { BundleError } from './bundles.ts';

const quietMs = 60;

/** Calls `deploy` when a source below `folder` was saved; a source that does not bundle is reported, and what runs stays. */
export function watchSources(
  folder: string,
  deploy: () => Promise<void>,
  report: (line: string) => void,
): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let busy = Promise.resolve();
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file === null || !/\.(ts|json)$/.test(file) || /(^|\/)(dist|node_modules|page)\//.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      busy = busy.then(deploy).catch((error: unknown) => {
        const text = error instanceof BundleError ? error.message : String(error);
        for (const line of `the sources do not bundle, what runs stays:\n${text}`.split('\n')) report(line);
      });
    }, quietMs);
  });
  watcher.on('error', (error) => {
    report(`sources are not watched any more: ${String(error)}`);
  });
  return {
    close() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
