import { expect, test } from 'vitest';
import { openScreen, renderTable } from '../../../eventing/local/table.ts';
import type { RuntimeStatus } from '../../../eventing/local/runtime.ts';

const status: RuntimeStatus = {
  url: 'http://127.0.0.1:8080',
  functions: [
    {
      name: 'predict',
      url: 'http://127.0.0.1:1',
      revision: 'predict-00002',
      replicas: { starting: 1, ready: 2, draining: 1 },
      pids: [1, 2, 3, 4],
      inFlight: 9,
      queued: 1,
      desired: 3,
      mode: 'panic',
      path: 'Proxy',
      coldStarts: [{ revision: 'predict-00002', firstAnswer: 131.4 }],
    },
  ],
  queues: [
    { queue: 'kickoff.predict', ready: 12, inFlight: 20 },
    { queue: 'kickoff.sweep', ready: 0, inFlight: 0 },
  ],
};

test('shows a row for each function and the queues that hold something', () => {
  expect(renderTable(status)).toEqual([
    'function  revision  replicas  in flight  queue  desired  mode   last start',
    'predict   00002     2 +1 −1   8          1      3        panic  131 ms',
    'kickoff.predict: 12 ready, 20 in flight',
  ]);
});

test('draws only what changed, with log lines above the table', () => {
  let written = '';
  const screen = openScreen({ write: (text) => (written += text), columns: 200 });
  screen.draw(status);
  const once = written;
  screen.draw(status);
  expect(written).toBe(once);
  screen.line('predict     hello');
  // Four lines up, erased; the line; the table again.
  expect(written.slice(once.length)).toBe(`\u001b[4A\u001b[Jpredict     hello\n${once}`);
});
