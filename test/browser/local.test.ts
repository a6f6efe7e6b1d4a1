import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { debian } from '../needs.ts';
import { startKickoff } from '../servers/kickoff.ts';
import { startChromium } from './chromium.ts';

const need = await debian('chromium', 'chromium');

test.skipIf('missing' in need)(
  'a link opened on the local runtime, from zero: page, teams and prediction',
  { timeout: 120_000 },
  async () => {
    if ('missing' in need) return;
    const state = await mkdtemp(path.join(tmpdir(), 'kickoff-page-'));
    const kickoff = await startKickoff(state, { LOG_LEVEL: 'warn' });
    const browser = await startChromium(need.path);
    try {
      expect(kickoff.pids('ingress').concat(kickoff.pids('predict'), kickoff.pids('cache-write'))).toEqual(
        [],
      );
      const page = await browser.context.newPage();
      await page.goto(`${kickoff.url}/#home=Arsenal&away=Chelsea`);
      await page.getByRole('heading', { name: 'Arsenal v Chelsea' }).waitFor();
      await page.getByText('computed now').waitFor();
      await page.goto(`${kickoff.url}/#matchday`);
      await page.getByLabel(/Matches, one per line/).fill('Arsenal,Chelsea\nBayern,Dortmund\nInter,Milan');
      await page.getByRole('button', { name: 'Predict all' }).click();
      await page.getByText(/3 of 3 predicted in/).waitFor();
      await page.goto(`${kickoff.url}/docs`);
      await page.getByRole('heading', { name: 'The API' }).waitFor();
    } finally {
      await browser.close();
      await kickoff.stop();
      await rm(state, { recursive: true, force: true });
    }
  },
);
