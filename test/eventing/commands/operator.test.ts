import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { connect } from 'amqplib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../../eventing/commands/audit.ts';
import { deadLetters } from '../../../eventing/commands/dead-letters.ts';
import type { Command } from '../../../eventing/commands/command.ts';
import { readEvent } from '../../../functions/shared/events/cloudevents.ts';
import { signedEvent, verify } from '../../../functions/shared/events/signature.ts';
import { openStore } from '../../../functions/shared/store/open.ts';
import type { Store } from '../../../functions/shared/store/store.ts';
import { debian } from '../../needs.ts';
import { startRabbit } from '../../servers/rabbitmq.ts';
import { digest, failed, model, single, uuid } from '../../functions/shared/store/fixtures.ts';
import { keys } from '../../signing.ts';

const rabbitmq = await debian('rabbitmq-server', 'rabbitmq-server');
let folder: string;
let store: Store;
let env: Record<string, string>;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'operator-'));
  env = { STORE_URL: `sqlite:${folder}/store.db` };
  store = await openStore(env['STORE_URL'] ?? '');
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

async function run(
  command: (command: Command) => Promise<number>,
  args: string[],
  more: Record<string, string> = {},
): Promise<{ exit: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const exit = await command({
    args,
    env: { ...env, ...more },
    print: (line) => out.push(line),
    complain: (line) => err.push(line),
  });
  return { exit, out: out.join('\n'), err: err.join('\n') };
}

describe('audit', () => {
  test('refuses what it does not know, with 2', async () => {
    for (const args of [['--jsn'], ['now']]) {
      const { exit, err } = await run(audit, args);
      expect(exit).toBe(2);
      expect(err).toContain('--help');
    }
  });

  test('does not make a store where there is none', async () => {
    const STORE_URL = `sqlite:${folder}/other.db`;
    for (let round = 0; round < 2; round += 1) {
      const { exit, err } = await run(audit, [], { STORE_URL });
      expect(exit).toBe(2);
      expect(err).toContain('there is no store at');
    }
  });

  test('asks the store in the folder of KICKOFF_STATE where no STORE_URL is set', async () => {
    await store.accept([single(uuid(1))], { digest, now: Date.now() });
    const { exit, out } = await run(audit, ['--json'], { STORE_URL: '', KICKOFF_STATE: folder });
    expect({ exit, out }).toMatchObject({ exit: 0, out: expect.stringContaining('"accepted":1') as string });
    const none = await run(audit, [], { STORE_URL: '', KICKOFF_STATE: `${folder}/none` });
    expect(none).toEqual({
      exit: 2,
      out: '',
      err: `there is no store at ${folder}/none/store.db: set STORE_URL or KICKOFF_STATE, or run this where Kickoff was started`,
    });
  });

  test('says of what is no store that it is none, without a stack', async () => {
    const file = path.join(folder, 'text');
    writeFileSync(file, 'something else, and longer than the header of a database is '.repeat(50));
    for (const no of [file, folder]) {
      const { exit, err } = await run(audit, [], { STORE_URL: `sqlite:${no}` });
      expect(exit).toBe(2);
      expect(err).toMatch(/^STORE_URL=sqlite:.*(not an SQLite database|cannot be opened).*$/);
    }
  });

  test.each(['postgres://h/d', 'redis://127.0.0.1:1'])('answers 2 for %s', async (STORE_URL) => {
    const { exit, err } = await run(audit, [], { STORE_URL });
    expect(exit).toBe(2);
    expect(err).toMatch(/STORE_URL|ECONNREFUSED/);
    expect(err).not.toContain('    at ');
  });

  test('answers 1 when a job is neither open nor ended, and names it', async () => {
    await store.accept([single(uuid(1))], { digest, now: Date.now() });
    const database = new DatabaseSync(`${folder}/store.db`);
    database.exec('UPDATE jobs SET deadline = NULL');
    database.close();
    const { exit, out } = await run(audit, []);
    expect(exit).toBe(1);
    expect(out).toContain(`unaccounted for: ${uuid(1)}`);
  });

  test('answers 1 when the counts do not add up', async () => {
    await store.accept([single(uuid(1))], { digest, now: Date.now() });
    const database = new DatabaseSync(`${folder}/store.db`);
    database.exec('DELETE FROM jobs');
    database.close();
    expect(await run(audit, ['--json'])).toMatchObject({
      exit: 1,
      out: expect.stringContaining('"missing":1') as string,
    });
  });

  test.skipIf('missing' in rabbitmq)(
    'counts with AMQP_URL what nobody took, and refuses what cannot be asked',
    async () => {
      if ('missing' in rabbitmq) return;
      const rabbit = await startRabbit(rabbitmq.path);
      try {
        const AMQP_URL = rabbit.url;
        const none = await run(audit, [], { AMQP_URL });
        expect(none).toMatchObject({
          exit: 2,
          err: expect.stringMatching(/ml\.dead cannot be asked: .*404/) as string,
        });
        const model = await connect(rabbit.url);
        const channel = await model.createConfirmChannel();
        await channel.assertQueue('ml.dead');
        channel.sendToQueue('ml.dead', Buffer.from('x'));
        await channel.waitForConfirms();
        await model.close();
        expect(await run(audit, [], { AMQP_URL })).toMatchObject({
          exit: 0,
          out: expect.stringMatching(/^untaken +1$/m) as string,
        });
        const { out } = await run(audit, ['--json'], { AMQP_URL });
        expect(JSON.parse(out)).toMatchObject({ untaken: 1, clean: true });
        await rabbit.stop();
        const away = await run(audit, [], { AMQP_URL });
        expect(away).toMatchObject({
          exit: 2,
          err: expect.stringMatching(/^AMQP_URL: .*ECONNREFUSED/) as string,
        });
      } finally {
        await rabbit.remove();
      }
    },
  );

  test('prints the counts and answers 0', async () => {
    await store.accept([single(uuid(1)), single(uuid(2), 'Ajax')], { digest, now: Date.now() });
    await store.complete({ model, outcomes: [failed(uuid(1)), failed(uuid(1))], now: Date.now() });
    const { exit, out } = await run(audit, []);
    expect(exit).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ +/))).toEqual([
      ['accepted', '2'],
      ['done', '0'],
      ['failed', '1'],
      ['open', '1'],
      ['dead-lettered', '0'],
      ['duplicates', '1'],
      ['unaccounted', '0'],
    ]);
  });
});

describe('dead-letters', () => {
  const received: { type: string | undefined; event: unknown }[] = [];
  let answer = 202;
  let broker: http.Server;
  beforeEach(async () => {
    received.length = 0;
    answer = 202;
    broker = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        received.push({ type: request.headers['content-type'], event: JSON.parse(body) as unknown });
        response.writeHead(answer).end();
      });
    });
    await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
    env['BROKER_URL'] = `http://127.0.0.1:${(broker.address() as AddressInfo).port}/`;
    for (const id of ['e1', 'e2']) await store.deadLetters.add(letter(id));
  });
  afterEach(() => {
    broker.closeAllConnections();
    broker.close();
  });
  const event = (id: string) => ({
    specversion: '1.0',
    id,
    type: 't',
    source: '/s',
    traceparent: '00',
    data: { a: [] },
  });
  const letter = (id: string) => ({
    signed: false,
    ...{ id, time: '2026-08-31T12:00:00Z', destination: 'http://predict', code: 503, attempts: 6 },
    event: {
      ...event(id),
      knativeerrordest: 'http://predict',
      knativeerrorcode: '503',
      knativeerrordata: 'x',
    },
  });

  test.each([
    [[]],
    [['lst']],
    [['list', 'e1']],
    [['show']],
    [['show', '--all']],
    [['redrive']],
    [['redrive', 'e1', '--all']],
    [['discard', 'e1', 'e2']],
    [['list', '--force']],
  ])('refuses %j with 2', async (args) => {
    const { exit, err } = await run(deadLetters, args);
    expect(exit).toBe(2);
    expect(err).toContain('--help');
    expect(await store.deadLetters.list()).toHaveLength(2);
  });

  test('keeps a letter whose data is not there, and says so', async () => {
    await store.deadLetters.add({ ...letter('e3'), omitted: 2_000_000 });
    const { exit, err } = await run(deadLetters, ['redrive', 'e3']);
    expect(exit).toBe(1);
    expect(err).toContain('e3  kept: its data, 2000000 bytes, was too large');
    expect(received).toEqual([]);
  });

  test('says which event is one of our own, and posts that with its signature', async () => {
    const draft = {
      id: 'ours',
      source: '/kickoff/predict',
      type: 't',
      data: { text: 'é', list: [0.1, 1e21] },
    };
    const signed = signedEvent({ ...draft, extensions: { knativeerrorcode: '503' } }, keys);
    await store.deadLetters.add({ ...letter('e3'), signed: true, event: signed.toJSON() });
    const lines = (await run(deadLetters, ['list'])).out.split('\n');
    expect(lines.filter((line) => line.includes('  signed  '))).toEqual([
      expect.stringContaining('t ours of'),
    ]);
    expect(lines.filter((line) => line.includes('  unsigned  '))).toHaveLength(2);
    await run(deadLetters, ['redrive', 'e3']);
    const [posted] = received;
    const event = await readEvent(
      new Request('http://x/', {
        method: 'POST',
        headers: { 'content-type': posted?.type ?? '' },
        body: JSON.stringify(posted?.event),
      }),
    );
    expect(verify(event, keys)).toBe('ours');
  });

  test('answers 1 for an id that there is not', async () => {
    for (const action of ['show', 'redrive', 'discard'])
      expect(await run(deadLetters, [action, 'e9'])).toMatchObject({
        exit: 1,
        err: 'there is no dead letter e9',
      });
  });

  test('keeps what the Broker does not take, and says why', async () => {
    answer = 503;
    const { exit, err } = await run(deadLetters, ['redrive', '--all']);
    expect(exit).toBe(1);
    expect(err).toContain('e1  kept: the Broker answered 503');
    const gone = await run(deadLetters, ['redrive', 'e1'], { BROKER_URL: 'http://127.0.0.1:1/' });
    expect(gone.exit).toBe(1);
    expect(gone.err).toContain('ECONNREFUSED');
    expect(await store.deadLetters.list()).toHaveLength(2);
  });

  test('posts an event as it was before it failed, and forgets it', async () => {
    expect(await run(deadLetters, ['redrive', 'e1'])).toMatchObject({ exit: 0, out: 'e1  posted again' });
    expect(received).toEqual([{ type: 'application/cloudevents+json', event: event('e1') }]);
    expect((await store.deadLetters.list()).map(({ id }) => id)).toEqual(['e2']);
  });

  test('lists, shows and discards', async () => {
    expect((await run(deadLetters, ['list'])).out).toMatch(/^e1 .*code 503 {2}attempts 6\ne2 /);
    expect(JSON.parse((await run(deadLetters, ['list', '--json'])).out)).toEqual([
      letter('e1'),
      letter('e2'),
    ]);
    expect(JSON.parse((await run(deadLetters, ['show', 'e2'])).out)).toEqual(letter('e2'));
    expect(await run(deadLetters, ['discard', '--all'])).toMatchObject({ exit: 0 });
    expect(await run(deadLetters, ['list'])).toMatchObject({ exit: 0, out: 'no dead letters' });
  });
});
