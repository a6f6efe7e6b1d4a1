import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lockState } from '../../../eventing/local/state-lock.ts';
import { debian } from '../../needs.ts';
import { freePort } from '../../servers/free-port.ts';
import { startArguments } from '../../servers/kickoff.ts';
import { startRabbit } from '../../servers/rabbitmq.ts';

const root = path.resolve(import.meta.dirname, '../../..');
/** Whether any user may have any port, as in most containers. */
const portsFrom = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const everyPort = !existsSync(portsFrom) || Number(readFileSync(portsFrom, 'utf8')) <= 1;
const need = await debian('rabbitmq-server', 'rabbitmq-server');

/** Runs `npm start` to its end, which must come by itself. */
function runToItsEnd(
  env: Record<string, string>,
  user: { uid?: number; gid?: number } = {},
): { status: number | null; lines: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, startArguments, {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    ...user,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, lines: `${stdout}${stderr}`.trim().split('\n') };
}

/** An empty folder, for as long as the test lasts. */
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kickoff-refused-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('a start is refused', () => {
  test('in one line on a state folder that another one uses', async () => {
    const folder = await newFolder();
    const lock = lockState(folder);
    const { status, lines } = runToItsEnd({ PORT: '0', KICKOFF_STATE: folder });
    lock.release();
    expect(status).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/is in use by another runtime \(pid \d+\)/);
  });

  test('in one line on a key that is none, and says what to do', async () => {
    const folder = await newFolder();
    await writeFile(path.join(folder, 'signing.key'), 'short');
    const { status, lines } = runToItsEnd({ PORT: String(await freePort()), KICKOFF_STATE: folder });
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/signing\.key key 1 has 5 characters.*; remove it/)]);
    const own = runToItsEnd({ KICKOFF_STATE: folder, SIGNING_KEYS: 'my own secret' });
    expect(own.status).toBe(2);
    expect(own.lines.join()).toMatch(/^SIGNING_KEYS must be one or two keys/);
  });

  test('in one line on a port that something listens on, and leaves nothing that it made', async () => {
    const server = http.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = (server.address() as AddressInfo).port;
    const other = await newFolder();
    await writeFile(path.join(other, 'lock.db'), '');
    for (const folder of ['', 'new/state'])
      expect(runToItsEnd({ PORT: String(port), KICKOFF_STATE: path.join(other, folder) })).toEqual({
        status: 1,
        lines: [`port ${port} is in use: stop what listens there, or set PORT to another`],
      });
    server.close();
    expect(await readdir(other)).toEqual(['lock.db']);
  });

  test.skipIf(everyPort)('in one line on a port that this user may not have', async () => {
    const folder = await newFolder();
    await chmod(folder, 0o777);
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    expect(runToItsEnd({ PORT: '1', KICKOFF_STATE: path.join(folder, 'state') }, nobody)).toEqual({
      status: 1,
      lines: [
        expect.stringMatching(/^port 1 cannot be listened on \(listen EACCES.*\): set PORT to another$/),
      ],
    });
  });

  test.each([
    ['below a folder that takes none', '/proc/none/state'],
    ['in the place of a file', path.join(root, 'package.json')],
    ['with a name that is too long', path.join(root, '.absent', 'x'.repeat(300))],
  ])('in one line with a state folder %s', (_, folder) => {
    const { status, lines } = runToItsEnd({ PORT: '0', KICKOFF_STATE: folder });
    expect(status).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      new RegExp(`^the state folder ${folder} cannot be used \\(.+\\): set KICKOFF_STATE to`),
    );
    expect(existsSync(path.join(root, '.absent'))).toBe(false);
  });

  test.each([
    ['PORT', 'eighty', 'must be a port number'],
    ['AMQP_URL', 'localhost:5672', 'must be a URL: amqp://… or amqps://…'],
    ['STORE_URL', 'localhost', 'must be a URL: redis://… or rediss://… or sqlite:…'],
    ['STORE_URL', 'sqlite://store.db', 'must have the file right behind sqlite: (sqlite:store.db)'],
    ['MLFLOW_TRACKING_URI', './mlruns', 'must be a URL: http://… or https://…'],
  ])('in one line with a %s that is none', async (name, value, message) => {
    expect(runToItsEnd({ PORT: '0', KICKOFF_STATE: await newFolder(), [name]: value })).toEqual({
      status: 2,
      lines: [`${name} ${message}`],
    });
  });

  test('in one line with queues that cannot be read, which stay as they are', async () => {
    const other = await newFolder();
    await mkdir(path.join(other, 'eventing'));
    const file = path.join(other, 'eventing/queues.sqlite');
    await writeFile(file, 'no database, but something'.repeat(100));
    const { status, lines } = runToItsEnd({ PORT: '0', KICKOFF_STATE: other });
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/cannot be used: file is not a database\. .*moved away/)]);
    expect(await readdir(other, { recursive: true })).toEqual(['eventing', 'eventing/queues.sqlite']);
    expect(await readFile(file, 'utf8')).toMatch(/^no database/);
  });

  test.skipIf('missing' in need)(
    'in one line by a RabbitMQ that has another queue under a name, and leaves nothing that it made',
    { timeout: 60_000 },
    async () => {
      const rabbit = await startRabbit('path' in need ? need.path : '');
      onTestFinished(() => rabbit.remove());
      const connection = await connect(rabbit.url);
      await (await connection.createChannel()).assertQueue('ml');
      await connection.close();
      const other = await newFolder();
      const { status, lines } = runToItsEnd({
        PORT: '0',
        KICKOFF_STATE: path.join(other, 'state'),
        AMQP_URL: rabbit.url,
      });
      expect(status).toBe(1);
      expect(lines).toEqual([
        expect.stringMatching(/^queue ml exists in RabbitMQ with another x-.*delete_queue/),
      ]);
      expect(await readdir(other)).toEqual([]);
    },
  );
});
