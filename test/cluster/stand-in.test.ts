import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startKickoff } from '../servers/kickoff.ts';

const root = path.resolve(import.meta.dirname, '../..');

test('what the cluster suite asks over HTTP holds for the local runtime', { timeout: 120_000 }, async () => {
  const state = await mkdtemp(path.join(tmpdir(), 'kickoff-stand-in-'));
  const kickoff = await startKickoff(state, { LOG_LEVEL: 'warn' });
  try {
    const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
    const args = ['run', '--config', 'test/cluster/vitest.config.ts', 'deployed.suite'];
    const suite = spawn(process.execPath, [vitest, ...args], {
      cwd: root,
      env: { ...process.env, KUBECONFIG: undefined, INGRESS_URL: kickoff.url, NO_COLOR: '1' },
    });
    let text = '';
    for (const stream of [suite.stdout, suite.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    const [code] = (await once(suite, 'close')) as [number | null];
    expect({ code, text }).toMatchObject({ code: 0 });
    expect(text).toMatch(/first answer after \d+ ms/);
    expect(text).toMatch(/Tests +3 passed \| 6 skipped/);
  } finally {
    await kickoff.stop();
    await rm(state, { recursive: true, force: true });
  }
});
