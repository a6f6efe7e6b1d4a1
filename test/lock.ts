import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { alive } from './alive.ts';
import { until } from './until.ts';

/** Runs `work` while this process alone holds `file`: test files run side by side, an installation must not. A dead holder's lock is taken over. */
export async function lockFile<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  mkdirSync(path.dirname(file), { recursive: true });
  await until(
    () => {
      try {
        writeFileSync(file, String(process.pid), { flag: 'wx' });
        return true;
      } catch {
        try {
          const holder = Number(readFileSync(file, 'utf8'));
          if (holder > 0 && !alive(holder)) rmSync(file, { force: true });
        } catch {
          // the holder has just let go
        }
        return false;
      }
    },
    { deadline: 900_000, what: `the lock ${file}` },
  );
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
