import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { kubectl } from '../../manifests/commands/cluster/kubectl.ts';
import { portForward } from '../../manifests/commands/cluster/port-forward.ts';
import { until } from '../until.ts';
import { startCallers, statusLine } from './callers.ts';
import { ask, fixtures, names, namespace } from './deployed.ts';

const cluster = process.env['KUBECONFIG'] !== undefined;
if (!cluster) console.warn('skipped what moves the alias of the model: set KUBECONFIG');

const Shown = v.looseObject({ name: v.string(), version: v.string(), alias: v.string() });
const Version = v.looseObject({
  version: v.string(),
  source: v.string(),
  run_id: v.string(),
  tags: v.optional(v.array(v.object({ key: v.string(), value: v.string() })), []),
});
const Made = v.looseObject({ model_version: Version });

/** MLflow's REST API 2.0, as its own client speaks it. */
async function mlflow(server: string, method: string, call: string, body: object): Promise<unknown> {
  const query = method === 'GET' ? `?${new URLSearchParams(body as Record<string, string>).toString()}` : '';
  const response = await fetch(`${server}/api/2.0/mlflow/${call}${query}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text);
}

describe.skipIf(!cluster)('the model, under load', () => {
  test('the alias moves to a good version, to one without its tags, and back: nobody waits, and answers say which one they are of', async () => {
    const shown = v.parse(Shown, (await ask('/v1/model')).body);
    const { name } = shown;
    const alias = shown.alias.split('@')[1] ?? '';
    const { predict } = await names();
    const forward = await portForward(namespace, 'mlflow', 5000);
    const { url } = forward;
    const { model_version: first } = v.parse(
      Made,
      await mlflow(url, 'GET', 'registered-models/alias', { name, alias }),
    );
    const copy = async (tags: object[]): Promise<string> => {
      const { source, run_id } = first;
      const made = await mlflow(url, 'POST', 'model-versions/create', { name, source, run_id, tags });
      return v.parse(Made, made).model_version.version;
    };
    const move = async (version: string): Promise<void> => {
      await mlflow(url, 'POST', 'registered-models/alias', { name, alias, version });
    };
    const one = async () => ask('/v1/predictions', (await fixtures(1))[0], { prefer: 'wait=60' });
    const answers = (version: string, refused: string | null, what: string): Promise<unknown> =>
      until(
        async () => {
          const { status, headers, body } = await one();
          expect(status).toBe(200);
          return (
            (body as { model: { version: string } }).model.version === version &&
            headers.get('kickoff-model-refused') === refused
          );
        },
        { deadline: 30_000, every: 200, what },
      );
    const made = [await copy(first.tags), await copy([])];
    const [good = '', bad = ''] = made;
    const callers = startCallers(4, { asynchronous: false });
    try {
      const began = performance.now();
      await move(good);
      await answers(good, null, 'the new version answers');
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      await move(bad);
      await answers(good, bad, 'answers say that the alias names a version that is refused');
      const label = `serving.knative.dev/service=${predict}`;
      await kubectl(['delete', 'pod', '-n', namespace, '-l', label], '', '0');
      await answers(good, bad, 'a new pod starts with the last good version');
      await move(first.version);
      await answers(first.version, null, 'the first version answers again');
      const tally = await callers.stop();
      console.log(`a moved alias answers after ${seconds} s; meanwhile ${statusLine(tally)}`);
      expect(tally.wrong).toEqual([]);
      expect(tally.accepted, 'callers that waited and got a 202').toEqual([]);
    } finally {
      await callers.stop();
      await move(first.version);
      for (const version of made) await mlflow(url, 'DELETE', 'model-versions/delete', { name, version });
      forward.close();
    }
  });
});
