import { expect, test } from 'vitest';
import { eventStream, states } from '../../../../functions/ingress/src/http/stream.ts';
import { createWaiting, type Waiting } from '../../../../functions/ingress/src/submit/waiting.ts';
import { createLog } from '../../../../functions/shared/log.ts';
import type { Found, StoredOutcome } from '../../../../functions/shared/store/store.ts';

const id = '0198a1f0-0000-7000-8000-000000000001';
const outcome: StoredOutcome = { text: '{"status":"done"}', cached: false };

function world(outcomes: (StoredOutcome | undefined)[]): {
  waiting: Waiting;
  open: (lastsMs: number) => Promise<string>;
} {
  const find = async (): Promise<Found> => ({ status: 'queued', list: true, outcomes });
  const waiting = createWaiting({ find }, createLog('error'));
  const signal = new AbortController().signal;
  return {
    waiting,
    open: (lastsMs) =>
      new Response(
        eventStream(
          states(id, { store: { find }, waiting, lastEventId: undefined, signal, lastsMs }),
          () => undefined,
        ),
      ).text(),
  };
}

const last = (text: string): string => text.trimEnd().split('\n\n').at(-1) ?? '';

test('a stream that lasts too long says so at its end, before the platform would cut it', async () => {
  const { waiting, open } = world([outcome, undefined]);
  const text = await open(100);
  expect(last(text)).toBe(`retry: 1000\nevent: again\ndata: {"id":"${id}","status":"queued","total":2}`);
  // What was known was told, and its id is the last.
  expect(text.match(/^id: .*$/gm)?.at(-1)).toBe('id: 1');
  waiting.close();
});

test('so does one whose replica will stop', async () => {
  const { waiting, open } = world([undefined]);
  const text = open(60_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  waiting.hurry();
  expect(last(await text)).toContain('event: again');
  waiting.close();
});

test('a whole stream ends with the final state', async () => {
  const { waiting, open } = world([outcome]);
  const end = last(await open(100));
  expect(end).toMatch(/^id: 2\nevent: state\ndata: \{"id":"[^"]+","status":"done"/);
  waiting.close();
});
