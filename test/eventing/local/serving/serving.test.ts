import { once } from 'node:events';
import http from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { alive } from '../../../alive.ts';
import { releaseMemory } from '../../../../eventing/local/release-memory.ts';
import { until } from '../../../until.ts';
import { paths, startWorld, statusOf } from '../world.ts';
import type { World } from '../world.ts';

vi.mock('../../../../eventing/local/release-memory.ts', { spy: true });

/** A function with one replica, which the activator leaves to its own queue, and its address, where requests come one by one. */
async function serving(): Promise<{ here: World; address: string }> {
  const here = await startWorld(
    { ingress: { concurrency: 1, max: 1 } },
    { autoscaler: { 'target-burst-capacity': '0' } },
  );
  expect((await fetch(here.url)).status).toBe(200);
  await until(() => statusOf(here).path === 'Serve', { deadline: 10_000 });
  return { here, address: statusOf(here).url };
}

describe('refuses with a reason', () => {
  test('a function that cannot start: reported once with its last lines, and 503 at once meanwhile', async () => {
    const here = await startWorld({ ingress: { start: 'crash' } });
    const answer = await fetch(here.url);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({
      detail: 'ingress cannot start: ingress-00001 ended with exit code 3: MODEL is not set',
    });
    const again = performance.now();
    expect((await fetch(here.url)).status).toBe(503);
    expect(performance.now() - again).toBeLessThan(500);
    // It is tried again by itself, and fails again.
    await until(() => here.logged.filter((line) => line.includes('ingress: MODEL is not set')).length >= 2, {
      deadline: 10_000,
    });
    expect(here.logged.filter((line) => line.includes('before it was ready; its last lines'))).toHaveLength(
      1,
    );
  });

  test('a function that cannot start, which requests do not start more often', async () => {
    const here = await startWorld({ ingress: { start: 'crash' } });
    const starts = () => here.logged.filter((line) => line.includes('ingress: MODEL is not set')).length;
    // At once, 1 s later, 2 s after that.
    for (const endMs = performance.now() + 2500; performance.now() < endMs;)
      await Promise.all(Array.from({ length: 4 }, async () => (await fetch(here.url)).body?.cancel()));
    expect(starts()).toBeGreaterThanOrEqual(1);
    expect(starts()).toBeLessThanOrEqual(3);
  });

  test('a function that never gets ready, after its startTimeout', async () => {
    const here = await startWorld({ ingress: { start: 'never', startTimeout: '1s' } });
    const answer = await fetch(here.url);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).not.toBeNull();
  });

  test('a request that takes too long, with 504', async () => {
    const here = await startWorld({ ingress: {} }, { timeoutSeconds: 1 });
    const answer = await fetch(`${here.url}/hang`);
    expect([answer.status, await answer.text()]).toEqual([504, 'activator request timeout']);
  });

  test('what is beyond the queue of a replica, with 503', async () => {
    const { here, address } = await serving();
    const ask = async (ms: number): Promise<string | number> => {
      const answer = await fetch(`${address}/slow?ms=${ms}`);
      return answer.status === 503 ? answer.text() : answer.status;
    };
    // All others come while this one is in work, and before the next decision of the autoscaler.
    const first = ask(1500);
    await until(() => statusOf(here).inFlight === 1);
    const answers = await Promise.all([first, ...Array.from({ length: 19 }, () => ask(1))]);
    expect(answers.filter((answer) => answer === 200)).toHaveLength(11);
    expect(answers.filter((answer) => answer === 'pending request queue full\n')).toHaveLength(9);
  });

  test('what no host or path is, with 404, and it holds no other', async () => {
    const { address } = await serving();
    const { hostname, port, host } = new URL(address);
    for (const [path, headers] of [
      ['*', ['host', host]],
      ['/echo', ['host', host, 'host', host]],
    ] as const) {
      const request = http.request({ hostname, port, path, headers, method: 'OPTIONS', agent: false }).end();
      const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
      answer.resume();
      expect(answer.statusCode).toBe(404);
    }
    expect((await fetch(`${address}/echo`)).status).toBe(200);
  });

  test('a request whose replica dies, with 502', async () => {
    const here = await startWorld({ ingress: {} });
    expect((await fetch(`${here.url}/exit`)).status).toBe(502);
    expect((await fetch(here.url)).status).toBe(200);
  });

  test('a request that no replica takes in time, with 504', async () => {
    const here = await startWorld({ ingress: {} }, { timeoutSeconds: 1 });
    expect((await fetch(`${here.url}/unlisten`)).status).toBe(200);
    for (const pid of here.pids()) process.kill(pid, 'SIGSTOP');
    const answer = await fetch(here.url);
    expect([answer.status, await answer.text()]).toEqual([504, 'activator request timeout']);
  });
});

describe('sends a request of which nothing was sent to another replica', () => {
  const pidOf = async (answer: Response): Promise<number> => ((await answer.json()) as { pid: number }).pid;

  test('when the connection is refused, long before the process is gone', async () => {
    const here = await startWorld({ ingress: {} });
    const first = await pidOf(await fetch(`${here.url}/unlisten?then=exit`));
    const body = new Blob(['a body of unknown length']).stream();
    const [one, other] = await Promise.all([
      fetch(`${here.url}/echo`),
      fetch(`${here.url}/echo`, { method: 'POST', body, duplex: 'half' }),
    ]);
    expect([one.status, other.status]).toEqual([200, 200]);
    const seen = (await other.json()) as { pid: number; body: string };
    expect(seen.body).toBe('a body of unknown length');
    expect(seen.pid).not.toBe(first);
  });

  test('and takes the replica back when it listens again', async () => {
    const here = await startWorld({ ingress: {} });
    const first = await pidOf(await fetch(`${here.url}/unlisten?then=listen`));
    const answer = await fetch(`${here.url}/echo`);
    expect(answer.status).toBe(200);
    expect(await pidOf(answer)).toBe(first);
  });

  test('when it was in the queue of one that died', async () => {
    const { here, address } = await serving();
    const dies = fetch(`${address}/hang`);
    await until(() => statusOf(here).inFlight === 1);
    const queued = [fetch(`${address}/echo`), fetch(`${address}/echo`)];
    await until(() => statusOf(here).inFlight === 3);
    process.kill(here.pids()[0] ?? 0, 'SIGKILL');
    expect((await dies).status).toBe(502);
    expect((await Promise.all(queued)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('serves', () => {
  test('a burst of 200 from zero, each with 200', async () => {
    const here = await startWorld({ ingress: { concurrency: 4, target: 4, max: 3 } });
    expect(here.pids()).toEqual([]);
    const answers = await Promise.all(
      Array.from({ length: 200 }, async () => (await fetch(`${here.url}/slow?ms=20`)).status),
    );
    expect(answers.filter((status) => status !== 200)).toEqual([]);
    expect(statusOf(here).coldStarts.length).toBeGreaterThan(0);
  });

  test('with the headers that the platform adds, and without those of the hop', async () => {
    const here = await startWorld({ ingress: {} });
    const answer = await fetch(`${here.url}/echo?x=1`, {
      method: 'POST',
      body: 'hello',
      headers: { 'x-forwarded-for': '203.0.113.9', 'x-request-id': 'mine' },
    });
    const seen = (await answer.json()) as { body: string; headers: Record<string, string> };
    expect(seen.body).toBe('hello');
    expect(seen.headers).toMatchObject({
      'k-proxy-request': 'activator',
      'x-request-id': 'mine',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '203.0.113.9, 127.0.0.1, 127.0.0.1',
      host: new URL(here.url).host,
    });
    expect(seen.headers['forwarded']).toBe('for=203.0.113.9;proto=http, for=127.0.0.1');
  });

  test('a stream, each piece as it comes', async () => {
    const here = await startWorld({ ingress: {} });
    const answer = await fetch(`${here.url}/drip?every=300`);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const cameMs: number[] = [];
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read())
      cameMs.push(performance.now());
    expect(cameMs).toHaveLength(3);
    expect((cameMs[2] ?? 0) - (cameMs[0] ?? 0)).toBeGreaterThan(400);
  });

  test('an answer to an upload that goes on, once it has ended', async () => {
    const here = await startWorld({ ingress: {} });
    let send: ((text: string | null) => void) | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (text) => {
          if (text === null) controller.close();
          else controller.enqueue(new TextEncoder().encode(text));
        };
      },
    });
    // fetch sends the head of a request with the first chunk of its body.
    send?.('data: one\n\n');
    let answered = false;
    const answer = fetch(`${here.url}/stream`, { method: 'POST', body, duplex: 'half' }).finally(() => {
      answered = true;
    });
    await until(() => statusOf(here).inFlight === 1, { what: 'the function has the request' });
    send?.('data: two\n\n');
    // As queue-proxy does it, unless the revision has the annotation http-full-duplex.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(answered).toBe(false);
    send?.(null);
    expect(await (await answer).text()).toBe('data: one\n\ndata: two\n\n');
  });

  test('the next request on a connection whose body was refused unread', async () => {
    const here = await startWorld({ ingress: {} });
    const large = 'x'.repeat(3 * 2 ** 20);
    for (let round = 0; round < 5; round++) {
      expect((await fetch(`${here.url}/refuse-body`, { method: 'POST', body: large })).status).toBe(413);
      expect((await fetch(`${here.url}/echo`, { method: 'POST', body: 'small' })).status).toBe(200);
    }
  });

  test('only what a container would see of the environment', async () => {
    const here = await startWorld({ ingress: { start: 'usual' } });
    const seen = (await (await fetch(`${here.url}/environment`)).json()) as Record<string, string>;
    expect(seen).toMatchObject({
      START: 'usual',
      K_SERVICE: 'ingress',
      K_CONFIGURATION: 'ingress',
      K_REVISION: 'ingress-00001',
    });
    expect(
      Object.keys(seen).filter((name) => !/^(START|K_.*|ADDRESS|PORT|PATH|HOME|TZ|NODE_.*)$/.test(name)),
    ).toEqual([]);
  });
});

describe('scales', () => {
  test('to zero after the window, and no process is left', { timeout: 60_000 }, async () => {
    const here = await startWorld({ ingress: {} });
    expect((await fetch(here.url)).status).toBe(200);
    const [pid = 0] = here.pids();
    expect(alive(pid)).toBe(true);
    vi.mocked(releaseMemory).mockClear();
    await until(() => !alive(pid), { deadline: 40_000, what: 'the process went' });
    await until(() => statusOf(here).pids.length === 0, { deadline: 5000, what: 'the runtime saw it' });
    expect(releaseMemory).toHaveBeenCalledTimes(1);
    expect(statusOf(here)).toMatchObject({ replicas: { starting: 0, ready: 0 }, desired: 0 });
    expect((await fetch(here.url)).status).toBe(200);
  });

  test.each(paths)(
    'up with load and in again without a lost request or a 5xx: $path',
    { timeout: 90_000 },
    async ({ burst }) => {
      const here = await startWorld({ ingress: { concurrency: 2, target: 2, max: 3 } }, burst);
      const bad: number[] = [];
      let most = 0;
      let clients = 6;
      const client = async (me: number): Promise<void> => {
        while (me < clients) {
          const { status } = await fetch(`${here.url}/slow?ms=50`);
          if (status !== 200) bad.push(status);
          most = Math.max(most, here.pids().length);
        }
      };
      const all = Array.from({ length: 6 }, (_, me) => client(me));
      await until(() => most === 3, { deadline: 20_000, what: 'three replicas' });
      clients = 1;
      await until(() => here.pids().length === 1, { deadline: 60_000, what: 'one replica' });
      clients = 0;
      await Promise.all(all);
      expect(bad).toEqual([]);
    },
  );
});
