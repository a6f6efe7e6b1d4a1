import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { end, ready, start, type Running } from './process.ts';

const scripts = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export type Rabbit = {
  url: string;
  /** The process at the root of it, 0 while it is down. */
  pid(): number;
  /** Stops it politely. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data, after `stop` or `kill9`. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Runs a command of rabbitmqctl on it and gives what it printed. */
  ctl(...args: string[]): Promise<string>;
  /** Stops it with its epmd and removes its data. */
  remove(): Promise<void>;
};

/**
 * A RabbitMQ on free ports of 127.0.0.1 with its own node name, data, logs and epmd, so that several run side by side.
 * `server` is the path of rabbitmq-server (from `needs.ts`); Debian's wrapper changes the user and loses the environment, so the
 * script behind it is run. It keeps running over `kill9`; always `remove` it.
 */
export async function startRabbit(
  server: string,
  config: string[] = [],
  plugins: string[] = [],
): Promise<Rabbit> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-rabbitmq-'));
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()];
  const node = `kickoff${port}@localhost`;
  const file = path.join(folder, 'rabbitmq.conf');
  const lines = [
    `listeners.tcp.local = 127.0.0.1:${port}`,
    'loopback_users = none',
    'log.console = true',
    'log.console.level = warning',
    'log.file = false',
    // Not the share of memory of a machine that has other work.
    'vm_memory_high_watermark.absolute = 512MB',
    'disk_free_limit.absolute = 50MB',
    ...config,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  writeFileSync(path.join(folder, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  const env = {
    HOME: folder,
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: path.join(folder, 'data'),
    RABBITMQ_LOG_BASE: path.join(folder, 'log'),
    RABBITMQ_CONFIG_FILE: file,
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'enabled_plugins'),
    // Idle schedulers that spin would take the cores of what is measured beside it.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const program = existsSync(scripts) ? scripts : server;
  let running: Running | undefined;
  let removed = false;

  async function up(): Promise<void> {
    // A restart that `remove` came upon would leave a server that nobody knows.
    if (removed) throw new Error('this RabbitMQ was removed');
    running = start(program, [], env);
    await ready(running, () => answers(port), 60_000);
  }
  async function down(signal: NodeJS.Signals): Promise<void> {
    if (running) await end(running, signal);
    running = undefined;
  }
  async function ctl(...args: string[]): Promise<string> {
    const command = start(path.join(path.dirname(program), 'rabbitmqctl'), ['-q', ...args], env);
    const code = await new Promise<number | null>((resolve) => command.child.once('close', resolve));
    if (code !== 0) throw new Error(`rabbitmqctl ${args.join(' ')}: ${command.output()}`);
    return command.output();
  }
  await up();
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    pid: () => running?.child.pid ?? 0,
    stop: () => down('SIGTERM'),
    kill9: () => down('SIGKILL'),
    start: up,
    async restart() {
      await down('SIGTERM');
      await up();
    },
    ctl,
    async remove() {
      removed = true;
      await down('SIGKILL');
      endEpmd(epmd);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Ends the epmd that was started for a port. It runs as a daemon outside the server's process group, known by its environment. */
function endEpmd(port: number): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!path.basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('epmd')) continue;
      if (environmentOf(pid).includes(`ERL_EPMD_PORT=${port}`)) process.kill(Number(pid));
    } catch {
      // gone meanwhile, or another user's
    }
  }
}

function environmentOf(pid: string): string[] {
  return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
}

/** Whether it speaks AMQP: the port alone is open before the broker is ready to serve. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1', () => {
      socket.write('AMQP\0\0\t\x01');
    });
    socket.setTimeout(2000, () => {
      socket.destroy();
    });
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => {
      resolve(false);
    });
  });
}
