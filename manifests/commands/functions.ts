import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { InferOutput } from 'valibot';
import { ofProcess, runCommand } from '../../eventing/commands/command.ts';
import { FuncYaml } from '../../eventing/local/manifests/function-manifest.ts';
import { ManifestError, parseManifest, readManifests } from '../../eventing/local/manifests/manifest.ts';
import { knativeService } from './yaml/knative-service.ts';

/** Every func.yaml of the project in `root`, parsed. Throws `ManifestError` with file and line of each fault. */
export function functionManifests(root: string): InferOutput<typeof FuncYaml>[] {
  return readdirSync(path.join(root, 'functions'))
    .map((name) => path.join(root, 'functions', name, 'func.yaml'))
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      const { manifests, faults } = readManifests(file, root);
      if (faults.length > 0) throw new ManifestError(faults);
      return manifests.map((manifest) => {
        const parsed = parseManifest(FuncYaml, manifest);
        if (!parsed.output) throw new ManifestError(parsed.faults);
        return parsed.output;
      });
    });
}

/** File name and text of what `npm run manifests` writes to manifests/functions, from the project in `root`. */
export function generated(root: string): { file: string; text: string }[] {
  return functionManifests(root).map((func) => ({
    file: `${func.name}.yaml`,
    text: `# Made from functions/${func.name}/func.yaml by \`npm run manifests\`.\n${stringify(
      // The image is params.yaml's.
      knativeService(func, func.name),
      { singleQuote: true, lineWidth: 0, aliasDuplicateObjects: false },
    )}`,
  }));
}

const help = `npm run manifests [-- --json]

Writes manifests/functions/*.yaml, the Knative Services that func deploy would make, from every func.yaml.

  --json   the files as JSON

Exit code: 0 written, 1 a func.yaml has a fault, 2 wrong usage.`;

if (import.meta.main) {
  const command = ofProcess();
  process.exitCode = await runCommand(
    command,
    { help, options: { json: { type: 'boolean' } } },
    ({ values }) => {
      const root = path.resolve(import.meta.dirname, '../..');
      const folder = path.join(root, 'manifests/functions');
      mkdirSync(folder, { recursive: true });
      const files = generated(root);
      for (const { file, text } of files) writeFileSync(path.join(folder, file), text);
      const written = files.map(({ file }) => `manifests/functions/${file}`);
      command.print(values.json ? JSON.stringify(written) : written.join('\n'));
      return 0;
    },
  );
}
