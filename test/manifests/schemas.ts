import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import * as v from 'valibot';
import { BrokerConfig, SourceManifest } from '../../eventing/local/manifests/wiring/schemas.ts';
import { title, type Document } from '../../manifests/commands/yaml/bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** What the API server of Kubernetes 1.34 would refuse, unknown fields included. `python` has kubernetes-validate. */
export function kubernetesFaults(python: string, documents: readonly Document[]): string[] {
  return lines(python, [path.join(import.meta.dirname, 'kubernetes.py')], documents);
}

/** What does not decode into the messaging topology operator's types. `program` is built from test/manifests/topology. */
export function topologyFaults(program: string, documents: readonly Document[]): string[] {
  return lines(program, [], documents);
}

/** What func's own schema refuses in func.yaml files. `python` has kubernetes-validate (with it jsonschema); `func` is its source. */
export function funcFaults(python: string, func: string, files: readonly string[]): string[] {
  const schema = path.join(func, 'schema/func_yaml-schema.json');
  return lines(python, [path.join(import.meta.dirname, 'func.py'), schema, ...files], []);
}

function lines(program: string, args: string[], documents: readonly Document[]): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, {
    input: JSON.stringify(documents),
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.split('\n').filter(Boolean);
}

/**
 * Knative's kinds, by the types that @kubernetes-models/knative makes of Knative's CRDs: each document becomes a literal of its type, so
 * that the compiler refuses unknown fields at every depth, wrong types and missing fields.
 */
export function knativeFaults(documents: readonly Document[]): string[] {
  const cache = path.join(root, '.cache');
  mkdirSync(cache, { recursive: true });
  // Below the root, where the package is found.
  const folder = mkdtempSync(path.join(cache, 'knative-types-'));
  try {
    const files = documents.map((document, index) => {
      const file = path.join(folder, `${index}.ts`);
      const from = `@kubernetes-models/knative/${document.apiVersion}`;
      writeFileSync(
        file,
        `import type { I${document.kind} } from '${from}';\nexport const document: I${document.kind} = ${JSON.stringify(document, null, 1)};\n`,
      );
      return file;
    });
    const program = ts.createProgram(files, {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: [],
    });
    return files.flatMap((file, index) => {
      const source = program.getSourceFile(file);
      const document = documents[index];
      if (!source || !document) throw new Error(`${file} was not compiled`);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText }) => `${title(document)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const text = v.pipe(v.string(), v.minLength(1));
const resources = v.strictObject({ cpu: text, memory: text });
const context = v.looseObject({});

/** RabbitmqCluster of the cluster operator 2, as far as it is used: no package that is to be had carries its schema. */
const RabbitmqCluster = v.strictObject({
  apiVersion: v.literal('rabbitmq.com/v1beta1'),
  kind: v.literal('RabbitmqCluster'),
  metadata: v.strictObject({
    name: text,
    namespace: text,
    labels: v.record(v.string(), v.string()),
    annotations: v.strictObject({}),
  }),
  spec: v.strictObject({
    replicas: v.pipe(v.number(), v.integer(), v.minValue(1)),
    image: text,
    secretBackend: v.strictObject({ externalSecret: v.strictObject({ name: text }) }),
    persistence: v.strictObject({ storage: text }),
    resources: v.strictObject({ requests: resources, limits: resources }),
    rabbitmq: v.strictObject({ additionalConfig: text }),
    affinity: v.looseObject({}),
    override: v.strictObject({
      statefulSet: v.strictObject({
        spec: v.strictObject({
          template: v.strictObject({
            spec: v.strictObject({
              securityContext: context,
              initContainers: v.array(v.strictObject({ name: text, securityContext: context })),
              containers: v.array(v.strictObject({ name: text, securityContext: context })),
            }),
          }),
        }),
      }),
    }),
  }),
});

const own = {
  RabbitmqBrokerConfig: BrokerConfig,
  RabbitmqSource: SourceManifest,
  RabbitmqCluster,
} satisfies Record<string, v.GenericSchema>;

/** Kinds without a package: by this project's own strict schemas, the local platform's where it reads the same kind. */
export function ownFaults(documents: readonly Document[]): string[] {
  return documents.flatMap((document) => {
    const schema = own[document.kind as keyof typeof own] as v.GenericSchema | undefined;
    if (!schema) return [`${title(document)}: no schema for ${document.apiVersion}`];
    const result = v.safeParse(schema, document);
    return (result.issues ?? []).map(
      (issue) => `${title(document)}: ${v.getDotPath(issue) ?? ''}: ${issue.message}`,
    );
  });
}

/** Which of the four checks is an object's. */
export function checkOf({ apiVersion, kind }: Document): 'kubernetes' | 'knative' | 'topology' | 'own' {
  if (kind in own) return 'own';
  if (apiVersion.startsWith('rabbitmq.com/')) return 'topology';
  return apiVersion.includes('.knative.dev/') ? 'knative' : 'kubernetes';
}
