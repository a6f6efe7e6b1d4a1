import path from 'node:path';
import { installation } from './bundle.ts';
import { command } from './cluster.ts';
import { clusterFindings } from './doctor-cluster.ts';
import { localFindings } from './doctor-local.ts';
import { readParams } from './params.ts';

const root = path.resolve(import.meta.dirname, '..');

await command(async () => {
  const cluster = process.argv.includes('--cluster');
  const findings = cluster
    ? await clusterFindings(readParams(root), () => installation(root, 'single-node'))
    : localFindings(root);
  for (const { ok, text, remedy } of findings) {
    console.log(`${ok ? 'ok   ' : 'FAULT'} ${text}`);
    if (!ok) console.log(`      ${remedy}`);
  }
  const faults = findings.filter(({ ok }) => !ok).length;
  console.log(faults === 0 ? `all ${findings.length} hold` : `${faults} of ${findings.length} do not hold`);
  return faults === 0 ? 0 : 1;
});
