import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { alive } from '../../../alive.ts';
import { until } from '../../../until.ts';
import { paths, startLoad, startWorld, statusOf } from '../world.ts';
import type { World } from '../world.ts';

describe('replaces', () => {
  const save = (here: World, change: (source: string) => string): void => {
    here.project.write('functions/ingress/src/main.ts', change(source));
  };
  const source = `import http from 'node:http';
const server = http.createServer((request, response) => {
  setTimeout(() => response.end(request.url === '/health/readiness' ? '' : 'first'), request.url === '/slow' ? 1000 : 20);
});
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
server.listen(Number(process.env['PORT']), '127.0.0.1');
`;

  test.each(paths)(
    'a saved source under load: no request lost, none with 5xx: $path',
    { timeout: 90_000 },
    async ({ burst }) => {
      const here = await startWorld({ ingress: { concurrency: 10 } }, burst);
      save(here, (text) => text);
      await until(async () => (await (await fetch(here.url)).text()) === 'first', { deadline: 20_000 });
      const bad: number[] = [];
      const load = startLoad(Array.from({ length: 4 }), async () => {
        const { status } = await fetch(here.url);
        if (status !== 200) bad.push(status);
      });
      const slow = fetch(`${here.url}/slow`);
      const before = here.pids();
      const tookMs: number[] = [];
      for (const answer of ['second', 'third', 'fourth']) {
        const savedMs = performance.now();
        save(here, (text) => text.replace("'first'", `'${answer}'`));
        await until(async () => (await (await fetch(here.url)).text()) === answer, { deadline: 20_000 });
        tookMs.push(performance.now() - savedMs);
      }
      console.log(`from saved to answered: ${tookMs.map(Math.round).join(', ')} ms`);
      expect(await (await slow).text()).toBe('first');
      await until(() => !before.some(alive), { deadline: 5000, what: 'the old revision went' });
      await load.stop();
      expect(bad).toEqual([]);
    },
  );

  test('nothing while the source is broken, and says what is wrong', async () => {
    const here = await startWorld({ ingress: {} });
    expect((await fetch(here.url)).status).toBe(200);
    save(here, () => 'const = 3;\n');
    await until(() => here.logged.some((line) => line.includes('main.ts:1:6')), { deadline: 10_000 });
    expect((await fetch(here.url)).status).toBe(200);
    expect(statusOf(here).revision).toBe('ingress-00001');
  });

  test('nothing while the new revision does not start', async () => {
    const here = await startWorld({ ingress: {} });
    expect((await fetch(here.url)).status).toBe(200);
    save(here, () => 'console.error("no use"); process.exit(1);\n');
    await until(() => here.logged.some((line) => line.includes('ingress-00002 does not start')), {
      deadline: 10_000,
    });
    expect((await fetch(here.url)).status).toBe(200);
  });
});

describe('stops', () => {
  test('a process that ignores SIGTERM, at the deadline', async () => {
    const here = await startWorld({ ingress: { start: 'deaf' } }, { timeoutSeconds: 3 });
    expect((await fetch(here.url)).status).toBe(200);
    const [pid = 0] = here.pids();
    here.project.write(
      'functions/ingress/src/main.ts',
      `import http from 'node:http';
http.createServer((_, response) => response.end('new')).listen(Number(process.env['PORT']), '127.0.0.1');
`,
    );
    await until(async () => (await (await fetch(here.url)).text()) === 'new', { deadline: 10_000 });
    expect(alive(pid)).toBe(true);
    await until(() => !alive(pid), { deadline: 10_000, what: 'the deaf process is killed' });
  });

  test('without waiting for a connection that never said a word', async () => {
    const here = await startWorld({ ingress: {} });
    const silent = net.connect(Number(new URL(here.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const gone = once(silent, 'close');
    const began = performance.now();
    await here.close(20_000);
    expect(performance.now() - began).toBeLessThan(10_000);
    await gone;
  });

  test('after what is in flight', async () => {
    const here = await startWorld({ ingress: {} });
    const slow = fetch(`${here.url}/slow?ms=500`, { headers: { connection: 'close' } });
    await until(
      () => here.pids().length === 1 && statusOf(here).inFlight === 1 && statusOf(here).queued === 0,
    );
    const pids = here.pids();
    await here.close();
    expect((await slow).status).toBe(200);
    expect(pids.some(alive)).toBe(false);
  });
});
