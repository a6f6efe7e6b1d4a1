import { spawn } from 'node:child_process';
import { ClusterFault } from './kubectl.ts';

/** A way from here to a Service of the cluster: `url` works on this machine until `close`. */
export type Forward = { url: string; close(): void };

/** Runs `kubectl port-forward` to a Service on a free local port. Throws `ClusterFault` with kubectl's words if no pod is behind it. */
export async function portForward(namespace: string, service: string, port: number): Promise<Forward> {
  const args = ['-n', namespace, 'port-forward', '--address=127.0.0.1', `service/${service}`, `:${port}`];
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  const local = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const [, found] = /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.on('error', () => {
      reject(new ClusterFault('kubectl is not installed, or not on the PATH'));
    });
    child.on('close', () => {
      reject(new ClusterFault(`kubectl port-forward service/${service} in ${namespace}: ${words.trim()}`));
    });
  });
  return {
    url: `http://127.0.0.1:${local}`,
    close: () => {
      child.kill();
    },
  };
}
