import { expect, test, vi } from 'vitest';
import { createSubmit } from '../../../../functions/ingress/src/submit/submit.ts';
import { createRecent } from '../../../../functions/ingress/src/submit/recent.ts';
import { createWaiting } from '../../../../functions/ingress/src/submit/waiting.ts';
import { createLog } from '../../../../functions/shared/log.ts';
import { cacheKey } from '../../../../functions/shared/prediction.ts';
import { storedNow } from '../../../../functions/shared/store/rules.ts';
import { type Store, StoreUnavailable } from '../../../../functions/shared/store/store.ts';
import { keys } from '../../../signing.ts';
import { digest, done, doneText, model, outcomesOf, single, uuid } from '../../shared/store/fixtures.ts';

type Parts = Parameters<typeof createSubmit>[0];

/** A submit with these parts, what it logged, and its memory. */
function submitWith(parts: Pick<Parts, 'store' | 'predictDirectly'>) {
  const logged: string[] = [];
  const log = createLog('info', { out: (line) => logged.push(line), err: (line) => logged.push(line) });
  const waiting = createWaiting({ find: async () => ({ status: 'unknown' }) }, log);
  const recent = createRecent(10);
  const submit = createSubmit({
    ...parts,
    ...{ waiting, recent, log, keys, replyTo: 'r', limit: 100, publishDeadlineMs: 100, digest: () => digest },
    publisher: { publish: async () => Promise.reject(new Error('away')) },
    settle: (settled) => {
      waiting.settle(settled);
    },
  });
  const ask = (job = single(uuid(1))) =>
    submit(job, { waitMs: 200, signal: new AbortController().signal, trace: {} }).finally(() => {
      waiting.close();
    });
  return { ask, logged, recent };
}

const away: Pick<Store, 'accept' | 'complete'> = {
  accept: async () => Promise.reject(new StoreUnavailable('away')),
  complete: async () => Promise.reject(new StoreUnavailable('away')),
};
const forged = done({ id: uuid(1), home: 'Everton', away: 'Chelsea' });
const foreign = { ...done({ id: uuid(1), home: 'Arsenal', away: 'Chelsea' }), source: '/other' };

test('what predict answers directly counts only for what it was asked: nobody gets the rest', async () => {
  const [right] = outcomesOf(single(uuid(1)));
  if (!right) throw new Error('one outcome');
  const answers = [forged, foreign, { ...right, id: uuid(2) }];
  const bad = submitWith({ store: away, predictDirectly: async () => ({ model, outcomes: answers }) });
  await expect(bad.ask()).rejects.toMatchObject({ status: 503 });
  expect(bad.logged.filter((line) => line.includes('was not asked'))).toHaveLength(1);
  const good = submitWith({
    store: away,
    predictDirectly: async () => ({ model, outcomes: [...answers, right, right] }),
  });
  expect(await good.ask()).toMatchObject([{ text: doneText() }]);
});

test('what is stored of it is what it was asked', async () => {
  const [right] = outcomesOf(single(uuid(1)));
  if (!right) throw new Error('one outcome');
  const stored: unknown[] = [];
  const { ask } = submitWith({
    store: {
      accept: async (jobs) => jobs.map(({ id }) => ({ id, outcomes: [undefined], publish: [0] })),
      complete: async ({ outcomes }) => {
        stored.push(...outcomes);
        return { stored: 1, duplicates: 0, conflicts: [] };
      },
    },
    predictDirectly: async () => ({ model, outcomes: [forged, right] }),
  });
  await ask();
  expect(stored).toEqual([right]);
});

test('an outcome is remembered only for the match that it predicts', async () => {
  for (const home of ['Everton', 'Arsenal']) {
    const { ask, recent } = submitWith({
      store: {
        ...away,
        accept: async (jobs) =>
          jobs.map(({ id }) => ({
            ...{ id, publish: [] },
            outcomes: [storedNow(done({ id, home, away: 'Chelsea' }), model)],
          })),
      },
      predictDirectly: undefined,
    });
    await ask();
    const key = cacheKey(digest, { home: 'Arsenal', away: 'Chelsea', league: 'E0' });
    expect(recent.find(key) !== undefined).toBe(home === 'Arsenal');
  }
});

/** A submit whose events are answered after `eventMs`, and the ids of the requests in each. */
function submitByEvents(eventMs: number, predictDirectly?: Parts['predictDirectly']) {
  const log = createLog('error');
  const waiting = createWaiting({ find: async () => ({ status: 'unknown' }) }, log);
  const events: string[][] = [];
  const submit = createSubmit({
    ...{ waiting, recent: createRecent(10), log, keys, replyTo: 'r', limit: 100, publishDeadlineMs: 100 },
    ...{ predictDirectly, digest: () => digest },
    store: {
      accept: async (jobs) => jobs.map(({ id }) => ({ id, outcomes: [undefined], publish: [0] })),
      complete: async () => ({ stored: 1, duplicates: 0, conflicts: [] }),
    },
    publisher: {
      publish: async (event) => {
        const ids = (event.data as { requests: { id: string }[] }).requests.map(({ id }) => id);
        events.push(ids);
        setTimeout(() => {
          waiting.settle(ids.map((id) => ({ id, ...storedNow(outcomeOf(id), model) })));
        }, eventMs);
      },
    },
    settle: (settled) => {
      waiting.settle(settled);
    },
  });
  const ask = async (n: number, waitMs = 5000): Promise<string> => {
    await submit(single(uuid(n)), { waitMs, signal: new AbortController().signal, trace: {} });
    return uuid(n);
  };
  const close = (): void => {
    waiting.close();
  };
  return { ask, events, close };
}

function outcomeOf(id: string) {
  const [outcome] = outcomesOf(single(id));
  if (!outcome) throw new Error('one outcome');
  return outcome;
}

test('under load an event waits for the one before it to be answered, and takes along what came meanwhile', async () => {
  // Far longer than the hold of 10 ms that stands before anything was measured.
  const { ask, events, close } = submitByEvents(60);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    const answers: Promise<unknown>[] = [];
    for (let n = 0; n < 300; n++) {
      answers.push(ask(100 + n));
      await vi.advanceTimersByTimeAsync(2);
    }
    await vi.advanceTimersByTimeAsync(1000);
    await Promise.all(answers);
  } finally {
    vi.useRealTimers();
    close();
  }
  // One each 2 ms for 600 ms, in events of 60 ms. Held for 10 ms each it would be 60 events.
  expect(events.flat()).toHaveLength(300);
  expect(events.length).toBeLessThan(30);
});

test('after a pause predict is asked beside the event; while events are answered it is not, nor for who does not wait', async () => {
  const asked: string[] = [];
  let predictAnswers = true;
  const { ask, events, close } = submitByEvents(50, async (requests) => {
    asked.push(...requests.map(({ id }) => id));
    if (!predictAnswers) throw new Error('away');
    return { model, outcomes: requests.map(({ id }) => outcomeOf(id)) };
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const within = async (work: Promise<string>): Promise<string> => {
    await vi.advanceTimersByTimeAsync(100);
    return work;
  };
  try {
    const async = await within(ask(1, 0));
    const cold = await within(ask(2));
    const warm = await within(ask(3));
    await vi.advanceTimersByTimeAsync(31_000);
    predictAnswers = false;
    const paused = await within(ask(4));
    expect(asked).toEqual([cold, paused]);
    expect(events.flat()).toEqual([async, cold, warm, paused]);
  } finally {
    vi.useRealTimers();
    close();
  }
});
