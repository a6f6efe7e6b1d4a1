import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { crds } from '../../../../manifests/commands/doctor/requirements.ts';

test("docs/deploying.md has the doctor's command for the kind that the topology operator needs", () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/deploying.md'), 'utf8');
  const [, , remedy = ''] = crds.find(([name]) => name === 'rabbitmqclusters.rabbitmq.com') ?? [];
  const [command = 'none'] = /kubectl apply.*$/.exec(remedy) ?? [];
  expect(page).toContain(`\n${command}\n`);
});
