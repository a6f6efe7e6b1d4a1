import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';

const Params = v.looseObject({
  data: v.looseObject({ host: v.string(), namespace: v.string(), 'node-port': v.string() }),
});

/** manifests/params/params.yaml of the project in `root`: what an installation chooses. */
export function readParams(root: string): v.InferOutput<typeof Params>['data'] {
  return v.parse(Params, parse(readFileSync(path.join(root, 'manifests/params/params.yaml'), 'utf8'))).data;
}
