import { debian, type Need } from '../needs.ts';
import { freePort } from './free-port.ts';
import { type Server, startServer } from './server.ts';

/** Whether redis-server is there (Debian's package). */
export const redisNeed = (): Promise<Need> => debian('redis-server', 'redis-server');

/** A Redis on a free port of loopback; `appendonly`: AOF with fsync every second. */
export async function startRedis({ appendonly = false }: { appendonly?: boolean } = {}): Promise<
  Server & { url: string }
> {
  const need = await redisNeed();
  if ('missing' in need) throw new Error(need.missing);
  const port = await freePort();
  const server = await startServer({
    command: need.path,
    args: (folder) => [
      ...['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''],
      ...['--appendonly', appendonly ? 'yes' : 'no', '--appendfsync', 'everysec'],
    ],
    port,
  });
  return { ...server, url: `redis://127.0.0.1:${port}` };
}
