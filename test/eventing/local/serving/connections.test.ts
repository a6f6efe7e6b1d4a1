import { readdirSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { alive } from '../../../alive.ts';
import { until } from '../../../until.ts';
import { startLoad, startWorld, statusOf } from '../world.ts';
import type { FunctionSettings, World } from '../world.ts';

// The activator is in the path only at zero: connections of clients are handed to the replica, and its queue-proxy does what it does on a cluster.

type Seen = { pid: number; headers: Record<string, string>; body: string };
type Answer = { status: number; headers: http.IncomingHttpHeaders; text: string };

/** A client with one connection that it keeps, and makes anew when it was closed between two answers. */
class Client {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  constructor(url: string) {
    this.#url = url;
  }
  async ask(path: string, { method = 'GET', body = '', headers = {} } = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        `${this.#url}${path}`,
        { agent: this.#agent, method, headers },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          answer.on('end', () => {
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
          });
          answer.on('error', reject);
        },
      );
      request.on('error', reject).end(body);
    });
  }
  async echo(
    path = '/echo',
    options: { method?: string; body?: string; headers?: object } = {},
  ): Promise<Seen> {
    return JSON.parse((await this.ask(path, options)).text) as Seen;
  }
  close(): void {
    this.#agent.destroy();
  }
}

const direct = ({ headers }: Seen): boolean => !('k-proxy-request' in headers);

/** A world with a ready replica, which has the connection of the client. */
async function world(
  settings: FunctionSettings = {},
  { timeoutSeconds = 20 } = {},
): Promise<{ here: World; client: Client }> {
  const autoscaler = { 'target-burst-capacity': '0' };
  const here = await startWorld({ ingress: settings }, { timeoutSeconds, autoscaler });
  const client = new Client(here.url);
  await until(async () => direct(await client.echo()), {
    deadline: 10_000,
    what: 'the replica has the connection',
  });
  return { here, client };
}

describe('refuses with a reason', () => {
  test('what is beyond the queue of a replica, with 503', async () => {
    const { here } = await world({ concurrency: 1, max: 1 });
    const ask = async (ms: number): Promise<string | number> => {
      const { status, text, headers } = await new Client(here.url).ask(`/slow?ms=${ms}`);
      expect(headers['retry-after']).toBeUndefined();
      return status === 503 ? text : status;
    };
    // All others come while this one is in work.
    const first = ask(3000);
    await until(() => statusOf(here).inFlight === 1);
    const answers = await Promise.all([first, ...Array.from({ length: 19 }, () => ask(1))]);
    expect(answers.filter((answer) => answer === 200)).toHaveLength(11);
    expect(answers.filter((answer) => answer === 'pending request queue full\n')).toHaveLength(9);
  });

  test('a request that takes too long, with 504, and what waits behind it is answered', async () => {
    const { here, client } = await world({ concurrency: 1, max: 1 }, { timeoutSeconds: 2 });
    const asked = performance.now();
    const hangs = client.ask('/hang');
    // Times are looked at once a second: what comes at the same time would be too late with it.
    await until(() => statusOf(here).inFlight === 1 && performance.now() - asked > 1200);
    const waits = new Client(here.url).ask('/echo');
    const { status, text } = await hangs;
    expect([status, text]).toEqual([504, 'request timeout']);
    expect((await waits).status).toBe(200);
  });

  test('an answer that comes after its 504 goes nowhere, and the function lives', async () => {
    const { here, client } = await world({}, { timeoutSeconds: 1 });
    const pids = here.pids();
    const asked = performance.now();
    expect((await client.ask('/slow?ms=3000')).status).toBe(504);
    await until(async () => (await client.echo()).pid === pids[0] && performance.now() - asked > 3500, {
      deadline: 15_000,
    });
    expect(here.pids()).toEqual(pids);
  });

  test('a request whose process ends, with 502, and the next one is answered', async () => {
    const { client } = await world();
    expect(await client.ask('/exit')).toMatchObject({ status: 502, text: 'EOF\n' });
    // One that comes before the runtime knows is on its way to the process that is gone.
    const answered = (): Promise<boolean> =>
      client.ask('/echo').then(
        ({ status }) => status === 200,
        () => false,
      );
    await until(answered, { deadline: 5000 });
  });

  test('none whose process is killed: its connection ends', async () => {
    const { here, client } = await world();
    const hangs = client.ask('/hang');
    await until(() => statusOf(here).inFlight === 1);
    process.kill(here.pids()[0] ?? 0, 'SIGKILL');
    await expect(hangs).rejects.toThrow(/socket hang up|ECONNRESET/);
  });

  test('a replica that is killed while connections come: each is answered or ends', async () => {
    const { here } = await world();
    let asked = 0;
    const load = startLoad(Array.from({ length: 6 }), async () => {
      const client = new Client(here.url);
      await client.ask('/slow?ms=2').catch(() => undefined);
      client.close();
      asked++;
    });
    for (let kills = 0; kills < 2; kills++) {
      const before = asked;
      await until(() => here.pids().length === 1 && statusOf(here).path === 'Serve' && asked > before + 500, {
        deadline: 20_000,
      });
      process.kill(here.pids()[0] ?? 0, 'SIGKILL');
    }
    // None waits for the request's time limit, which would be the test's too.
    await load.stop();
  });
});

describe('hands connections over', () => {
  test('those that came from zero with the answer after the replica is ready', async () => {
    const autoscaler = { 'target-burst-capacity': '0' };
    const here = await startWorld({ ingress: {} }, { autoscaler });
    const client = new Client(here.url);
    const first = await client.ask('/echo');
    expect(JSON.parse(first.text)).toMatchObject({ headers: { 'k-proxy-request': 'activator' } });
    await until(() => statusOf(here).path === 'Serve', { deadline: 5000 });
    const second = await client.ask('/echo');
    expect(second.headers.connection).toBe('close');
    expect(direct(JSON.parse(second.text) as Seen)).toBe(false);
    expect(direct(await client.echo())).toBe(true);
  });

  test('with the headers that the platform adds', async () => {
    const { here, client } = await world();
    const seen = await client.echo('/echo?x=1', {
      method: 'POST',
      body: 'hello',
      headers: { 'x-forwarded-for': '203.0.113.9', 'x-request-id': 'mine' },
    });
    expect(seen.body).toBe('hello');
    expect(seen.headers).toMatchObject({
      'x-request-id': 'mine',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
      host: new URL(here.url).host,
    });
    // No address of the client's own, and no X-Forwarded-Host: nobody adds them on a cluster.
    expect(seen.headers['forwarded']).toBe('for=203.0.113.9;proto=http');
    expect(seen.headers).not.toHaveProperty('x-forwarded-host');
    expect((await client.echo()).headers['x-request-id']).toMatch(/^[\da-f-]{36}$/);
  });

  test('which leads to /local/ all the same', async () => {
    const { client } = await world();
    const { status, text } = await client.ask('/local/status');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ functions: [{ name: 'ingress', path: 'Serve' }] });
    expect((await client.ask('/local/other')).status).toBe(404);
    // The name that the client asked for goes along.
    expect((await client.ask('/local/status', { headers: { host: 'evil.example' } })).status).toBe(421);
  });

  test('which leads to /local/ and ends there when its client goes', async () => {
    const { here } = await world();
    // This process has both ends: the client's, and the platform's of the connection onward.
    const files = (): number => readdirSync('/proc/self/fd').length;
    const before = files();
    const clients = Array.from({ length: 20 }, () =>
      net.connect(Number(new URL(here.url).port), '127.0.0.1'),
    );
    for (const client of clients)
      client.write('POST /local/broker/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nabc');
    await until(() => files() > before + 35, { what: 'all are with the platform' });
    for (const client of clients) client.destroy();
    await until(() => files() < before + 5, { what: 'none is left' });
  });

  test('to a function that sees only what a container would of the environment', async () => {
    const { client } = await world({ start: 'usual' });
    const seen = Object.keys(JSON.parse((await client.ask('/environment')).text) as object);
    expect(
      seen.filter((name) => !/^(START|K_.*|ADDRESS|PORT|PATH|HOME|TZ|NODE_COMPILE_CACHE)$/.test(name)),
    ).toEqual([]);
  });

  test('only to a server of node:http: what else listens is asked through the activator', async () => {
    const here = await startWorld({ ingress: {} }, { autoscaler: { 'target-burst-capacity': '0' } });
    here.project.write(
      'functions/ingress/src/main.ts',
      `import net from 'node:net';
net.createServer((socket) => {
  socket.on('error', () => undefined);
  socket.on('data', () => socket.end('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nok'));
}).listen(Number(process.env['PORT']), '127.0.0.1');
`,
    );
    const client = new Client(here.url);
    const answered = async (): Promise<boolean> => (await client.ask('/')).text === 'ok';
    await until(answered, { deadline: 20_000, what: 'the new source answers' });
    await until(async () => (await answered()) && statusOf(here).path === 'Serve', { deadline: 10_000 });
    for (let n = 0; n < 3; n++) expect(await answered()).toBe(true);
  });

  describe('to each of the replicas that load brings, and all go when it ends', () => {
    test.each([
      ['waits', '/slow?ms=50', 6],
      ['keeps its thread busy', '/busy?ms=10', 12],
    ])('of a function that %s', { timeout: 90_000 }, async (_, path, count) => {
      const { here } = await world({ concurrency: 4, target: 2, max: 3 });
      const answeredBy = new Set<number>();
      const clients = Array.from({ length: count }, () => new Client(here.url));
      const load = startLoad(clients, async (client) => answeredBy.add((await client.echo(path)).pid));
      await until(() => answeredBy.size === 3, { deadline: 30_000, what: 'three replicas answer' });
      const pids = here.pids();
      await load.stop();
      // The connections stay open: they hold no replica.
      await until(() => !pids.some(alive), { deadline: 60_000, what: 'the replicas went' });
      for (const client of clients) expect((await client.ask('/echo')).status).toBe(200);
    });
  });

  test('and waits for the answers on them when it stops', async () => {
    const { here, client } = await world();
    const slow = client.ask('/slow?ms=1500');
    await until(() => statusOf(here).inFlight === 1);
    const pids = here.pids();
    await here.close();
    expect((await slow).status).toBe(200);
    expect(pids.some(alive)).toBe(false);
  });
});
