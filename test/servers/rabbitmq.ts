import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { debian, type Need } from '../needs.ts';
import { freePort } from './free-port.ts';
import { type Server, startServer } from './server.ts';

const run = promisify(execFile);
const bin = '/usr/lib/rabbitmq/bin';

/** Whether rabbitmq-server is there (Debian's package). */
export const rabbitmqNeed = (): Promise<Need> => debian('rabbitmq-server', 'rabbitmq-server');

/** A RabbitMQ node of its own (name, ports, epmd, data) on loopback; `ctl` runs rabbitmqctl against it. */
export async function startRabbitmq(): Promise<
  Server & { url: string; ctl(...args: string[]): Promise<string> }
> {
  const need = await rabbitmqNeed();
  if ('missing' in need) throw new Error(need.missing);
  const [port, dist, epmd] = [await freePort(), await freePort(), await freePort()];
  let env: Record<string, string> = {};
  // Debian's wrapper in /usr/sbin changes user and reads /etc; the scripts below run as who calls them.
  const server = await startServer({
    command: path.join(bin, 'rabbitmq-server'),
    args: () => [],
    env: (folder) => {
      mkdirSync(path.join(folder, 'home'), { recursive: true });
      writeFileSync(path.join(folder, 'rabbitmq.conf'), 'log.console = true\nlog.file = false\n');
      writeFileSync(path.join(folder, 'plugins'), '[].');
      env = {
        HOME: path.join(folder, 'home'),
        RABBITMQ_NODENAME: `test${port}@localhost`,
        RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
        RABBITMQ_NODE_PORT: String(port),
        RABBITMQ_DIST_PORT: String(dist),
        ERL_EPMD_PORT: String(epmd),
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_MNESIA_BASE: path.join(folder, 'mnesia'),
        RABBITMQ_LOG_BASE: path.join(folder, 'logs'),
        RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq'),
        RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'plugins'),
        // Idle schedulers that spin would take the cores of what is measured.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
      };
      return env;
    },
    port,
    // The port opens before the node has recovered its queues.
    ready: () =>
      ctl('await_startup').then(
        () => true,
        () => false,
      ),
    // The node started an epmd, which outlives it.
    afterStop: () =>
      run('epmd', ['-port', String(epmd), '-kill'], {
        env: { ...process.env, ERL_EPMD_PORT: String(epmd) },
      }).then(
        () => undefined,
        () => undefined,
      ),
  });
  async function ctl(...args: string[]): Promise<string> {
    const { stdout } = await run(path.join(bin, 'rabbitmqctl'), args, {
      env: { ...process.env, ...env },
      timeout: 60_000,
    });
    return stdout;
  }
  return { ...server, url: `amqp://guest:guest@127.0.0.1:${port}`, ctl };
}
