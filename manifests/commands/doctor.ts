import path from 'node:path';
import { styleText } from 'node:util';
import { ofProcess, runCommand } from '../../eventing/commands/command.ts';
import { visible } from '../../functions/shared/visible.ts';
import { installation } from './yaml/bundle.ts';
import { clusterFindings } from './doctor/cluster.ts';
import { localFindings } from './doctor/local.ts';
import { readParams } from './yaml/params.ts';

const help = `npm run doctor [-- --cluster] [--json]

Checks the numbers that must fit together across files, or what the cluster lacks; only reads. Each fault comes with its remedy.

  --cluster   ask the cluster of KUBECONFIG instead of the files
  --json      the findings as JSON

Exit code: 0 all hold, 1 something does not, or the cluster cannot be asked, 2 wrong usage.`;

const root = path.resolve(import.meta.dirname, '../..');
const command = ofProcess();
const options = { cluster: { type: 'boolean' }, json: { type: 'boolean' } } as const;

process.exitCode = await runCommand(command, { help, options }, async ({ values }) => {
  const findings = values.cluster
    ? await clusterFindings(readParams(root), () => installation(root, 'single-node'))
    : localFindings(root);
  const faults = findings.filter(({ ok }) => !ok).length;
  if (values.json) command.print(JSON.stringify(findings));
  else {
    for (const { ok, text, remedy } of findings) {
      // Not through print: it colours itself, on a terminal only, and not with NO_COLOR.
      console.log(`${ok ? styleText('green', 'ok   ') : styleText('red', 'FAULT')} ${visible(text)}`);
      if (!ok) command.print(`      ${remedy}`);
    }
    command.print(
      faults === 0 ? `all ${findings.length} hold` : `${faults} of ${findings.length} do not hold`,
    );
  }
  return faults === 0 ? 0 : 1;
});
