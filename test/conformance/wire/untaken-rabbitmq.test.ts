import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { PolicyManifest } from '../../../eventing/local/manifests/wiring/schemas.ts';
import { parseDocuments } from '../../../manifests/commands/yaml/bundle.ts';
import { shippedAlternates, testUntaken } from './untaken-suite.ts';
import { rabbitWorld } from './worlds.ts';

const world = await rabbitWorld();

testUntaken(world, 'by an argument, as npm start declares it', shippedAlternates);

testUntaken(world, 'by the policy of queue.yaml, as on a cluster', async ({ rabbit }) => {
  const file = path.resolve(import.meta.dirname, '../../../eventing/queue.yaml');
  const policy = parseDocuments(readFileSync(file, 'utf8')).find(({ kind }) => kind === 'Policy');
  const { name, pattern, applyTo, definition } = v.parse(PolicyManifest, {
    ...policy,
    metadata: { name: 'untaken' },
  }).spec;
  // Those that eventing-rabbitmq makes for queues of the same Broker take nothing from it.
  const others = ['set_policy', '--apply-to', 'queues', 'of-queues', '.*', '{"dead-letter-exchange":"x"}'];
  await rabbit?.ctl(...others);
  await rabbit?.ctl('set_policy', '--apply-to', applyTo, name, pattern, JSON.stringify(definition));
  return [];
});
