import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { kubectl } from '../../manifests/commands/cluster/kubectl.ts';
import { ask, final, fixtures, namespace } from './deployed.ts';

const root = path.resolve(import.meta.dirname, '../..');
const overlay = process.env['OVERLAY'];
const cluster = process.env['KUBECONFIG'] !== undefined;
if (!cluster || overlay === undefined)
  console.warn(
    'skipped what takes the installation down: set OVERLAY=single-node (or own-rabbitmq, ha) and KUBECONFIG',
  );

describe.skipIf(!cluster || overlay === undefined)('removal', () => {
  test('what is removed with its data kept comes back with README’s lines, and knows what it answered', async () => {
    const [one, other] = await fixtures(2);
    const { headers } = await ask('/v1/predictions', one, { prefer: 'respond-async' });
    const location = headers.get('location') ?? '';
    expect(await final(location)).toBe('done');

    const began = performance.now();
    const remove = path.join(root, 'manifests/commands/remove.ts');
    await promisify(execFile)(process.execPath, [remove, '--keep-data'], { cwd: root });
    const removed = performance.now();
    const left = await kubectl([
      ...['get', 'ksvc,broker,trigger,rabbitmqsource,domainmapping,statefulset,queues.rabbitmq.com'],
      ...['-n', namespace, '-o', 'name'],
    ]);
    expect(left).toBe('');

    const apply = async (folder: string): Promise<string> =>
      kubectl(['apply', '--server-side', '-k', path.join(root, 'manifests/overlays', folder)], '', '0');
    await apply(overlay ?? '');
    for (const name of ['redis', 'mlflow'])
      await kubectl(['rollout', 'status', `statefulset/${name}`, '-n', namespace, '--timeout=240s'], '', '0');
    await apply(`${overlay}/functions`);
    for (const kind of ['broker', 'trigger', 'rabbitmqsource', 'ksvc', 'domainmapping'])
      await kubectl(
        ['wait', kind, '--all', '-n', namespace, '--for=condition=Ready', '--timeout=240s'],
        '',
        '0',
      );
    const seconds = (from: number, to: number): string => ((to - from) / 1000).toFixed(0);
    console.log(
      `removed in ${seconds(began, removed)} s, ready again ${seconds(removed, performance.now())} s later`,
    );
    expect(await final(location)).toBe('done');
    expect((await ask('/v1/predictions', other, { prefer: 'wait=60' })).status).toBe(200);
  }, 900_000);
});
