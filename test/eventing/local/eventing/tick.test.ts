import { expect, test } from 'vitest';
import { tick } from '../../../../eventing/local/eventing/tick.ts';
import { recorder } from './world.ts';

const now = new Date('2026-01-02T03:04:05.678Z');
const clock = { now: () => now, wait: () => Promise.resolve() };

test('a tick is the event that a PingSource sends', async () => {
  const { got, send } = recorder(() => ({}));
  const ping = { name: 'sweep', schedule: '*/5 * * * *', sink: 'http://b' };
  await tick({ ping, namespace: 'kickoff', send, clock, log: () => undefined });
  expect(got).toEqual([
    {
      url: 'http://b',
      body: '',
      headers: {
        'ce-specversion': '1.0',
        'ce-id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        'ce-type': 'dev.knative.sources.ping',
        'ce-source': '/apis/v1/namespaces/kickoff/pingsources/sweep',
        'ce-time': now.toISOString(),
      },
    },
  ]);
});

test('a tick that is not taken is said', async () => {
  const { send } = recorder(() => ({ status: 500 }));
  const lines: string[] = [];
  const ping = {
    name: 'sweep',
    schedule: '*/5 * * * *',
    contentType: 'application/json',
    data: '{}',
    sink: 'http://b',
  };
  await tick({ ping, namespace: 'kickoff', send, clock, log: (_, line) => lines.push(line) });
  expect(lines).toEqual(['the tick was answered with status 500']);
});
