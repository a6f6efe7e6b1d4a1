import path from 'node:path';
import { styleText } from 'node:util';
import { ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { ConfigFault } from '../../functions/shared/config.ts';
import { visible } from '../../functions/shared/visible.ts';
import { installation } from './yaml/bundle.ts';
import { clusterFindings } from './doctor/cluster.ts';
import type { Finding } from './doctor/finding.ts';
import { localFindings } from './doctor/local.ts';
import { clusterModelFinding, localModelFinding } from './doctor/model.ts';
import { readParams } from './yaml/params.ts';

/** Of the files, and of the registry that `npm start` reads. */
async function ofFiles(): Promise<Finding[]> {
  return [
    ...localFindings(root),
    await localModelFinding(path.join(root, 'model/registry'), command.env).catch(asRefusal),
  ];
}

async function ofCluster(): Promise<Finding[]> {
  const params = readParams(root);
  const findings = await clusterFindings(params, () => installation(root, 'single-node'));
  // The first is kubectl: one that is too old asks nothing else either.
  if (findings[0]?.ok === false) return findings;
  return [...findings, ...(await clusterModelFinding(params.namespace, command.env).catch(asRefusal))];
}

function asRefusal(error: unknown): never {
  throw error instanceof ConfigFault ? new Refusal(error.message) : error;
}

const help = `npm run doctor [-- --cluster] [--json]

Checks the numbers that must fit together across files, or what the cluster lacks, and whether the functions can load the model that the alias
names; only reads. Each fault comes with its remedy.

  --cluster   ask the cluster of KUBECONFIG instead of the files
  --json      the findings as JSON

  MLFLOW_TRACKING_URI, MODEL_URI   the registry and the model of npm start (default: model/registry)
  MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN   for a registry that asks for them, also the cluster's

Exit code: 0 all hold, 1 something does not, or the cluster cannot be asked, 2 wrong usage.`;

const root = path.resolve(import.meta.dirname, '../..');
const command = ofProcess();
const options = { cluster: { type: 'boolean' }, json: { type: 'boolean' } } as const;

process.exitCode = await runCommand(command, { help, options }, async ({ values }) => {
  const findings = values.cluster ? await ofCluster() : await ofFiles();
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
