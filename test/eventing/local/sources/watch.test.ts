import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watchSources } from '../../../../eventing/local/sources/watch.ts';
import { until } from '../../../until.ts';

/** A folder with a source, and whether a change to it is noticed. */
async function watched() {
  const folder = await mkdtemp(path.join(tmpdir(), 'kickoff-watch-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  mkdirSync(at('ingress/src'), { recursive: true });
  mkdirSync(at('ingress/dist'));
  writeFileSync(at('ingress/src/main.ts'), 'first');
  let deployed = 0;
  const watching = watchSources(
    folder,
    async () => {
      deployed++;
    },
    () => undefined,
  );
  onTestFinished(() => {
    watching.close();
  });
  const noticed = async (change: () => void): Promise<void> => {
    const before = deployed;
    change();
    await until(() => deployed > before, { deadline: 5000, what: 'the change is noticed' });
  };
  return { at, noticed, deployed: () => deployed };
}

test('what a build makes, or is no source, deploys nothing', async () => {
  const { at, deployed } = await watched();
  mkdirSync(at('ingress/dist/page'));
  writeFileSync(at('ingress/dist/page/openapi.json'), '{}');
  writeFileSync(at('ingress/src/notes.txt'), '1');
  await expect(until(() => deployed() > 0, { deadline: 500 })).rejects.toThrow();
});

test('each save is noticed, by an editor that writes the file and by one that replaces it', async () => {
  const { at, noticed } = await watched();
  const file = at('ingress/src/main.ts');
  for (const text of ['second', 'third', 'fourth']) {
    await noticed(() => {
      writeFileSync(`${file}~`, text);
      renameSync(`${file}~`, file);
    });
    await noticed(() => {
      writeFileSync(file, `${text} again`);
    });
  }
});

test('a saved .lua file is noticed: a bundle has its text in it', async () => {
  const { at, noticed } = await watched();
  await noticed(() => {
    writeFileSync(at('ingress/src/accept.lua'), 'return 1');
  });
});

test('a folder that comes, and one that comes again, as a checkout makes it', async () => {
  const { at, noticed } = await watched();
  for (const text of ['first', 'second']) {
    await noticed(() => {
      mkdirSync(at('upsets/src'), { recursive: true });
      writeFileSync(at('upsets/src/main.ts'), text);
    });
    await noticed(() => {
      writeFileSync(at('upsets/src/main.ts'), `${text} again`);
    });
    await noticed(() => {
      rmSync(at('upsets'), { recursive: true });
    });
  }
});
