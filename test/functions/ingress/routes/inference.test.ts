import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Served, serveWorld } from '../../../browser/served.ts';
import { python } from '../../../needs.ts';

const need = await python('test/functions/ingress/routes/requirements.txt');
const run = promisify(execFile);

describe('what model-serving clients speak', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveWorld();
  });
  afterAll(async () => {
    await served.close();
  });

  const infer = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    served.world.request('/v2/models/match-outcome/infer', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const tensor = (name: string, data: unknown[], more: object = {}): object => ({
    name,
    datatype: 'BYTES',
    shape: [data.length],
    data,
    ...more,
  });
  const home = tensor('home', ['Arsenal']);
  const away = tensor('away', ['Chelsea']);

  test.each<[string, unknown, Record<string, string>, RegExp]>([
    ['a body that is not JSON', '{', {}, /not valid JSON/],
    ['no inputs', { inputs: [] }, {}, /inputs/],
    ['an input of another name', { inputs: [home, away, tensor('x', ['y'])] }, {}, /not "x"/],
    ['an input that comes twice', { inputs: [home, home, away] }, {}, /each once/],
    ['another datatype', { inputs: [home, tensor('away', [1], { datatype: 'FP32' })] }, {}, /BYTES/],
    ['elements that are no text', { inputs: [home, tensor('away', [1])] }, {}, /text only/],
    [
      'a shape that does not fit',
      { inputs: [home, tensor('away', ['Chelsea'], { shape: [2] })] },
      {},
      /shape \[2\]/,
    ],
    [
      'tensors of different lengths',
      { inputs: [home, tensor('away', ['Chelsea', 'Everton'])] },
      {},
      /same number/,
    ],
    [
      'an output that is none',
      { inputs: [home, away], outputs: [{ name: 'goals' }] },
      {},
      /no output "goals"/,
    ],
    [
      'bytes that are not there',
      { inputs: [home, tensor('away', [], { shape: [1], parameters: { binary_data_size: 9 } })] },
      {},
      /does not fit/,
    ],
    [
      'a header length beyond the body',
      { inputs: [home, away] },
      { 'inference-header-content-length': '9999' },
      /length of the JSON/,
    ],
    ['no rows at all', { inputs: [tensor('home', []), tensor('away', [])] }, {}, /at least one/],
    [
      'more rows than a list may have',
      { inputs: [tensor('home', Array(1001).fill('Arsenal')), tensor('away', Array(1001).fill('Chelsea'))] },
      {},
      /more than 1000/,
    ],
  ])('refuses %s', async (_, body, headers, message) => {
    const response = await infer(body, headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringMatching(message) as unknown });
  });

  test('refuses bytes that end too early or are no text', async () => {
    for (const bytes of [
      [5, 0, 0, 0, 65],
      [1, 0, 0],
      [1, 0, 0, 0, 0xff],
    ]) {
      const json = JSON.stringify({
        inputs: [
          home,
          { name: 'away', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: bytes.length } },
        ],
      });
      const response = await served.world.request('/v2/models/match-outcome/infer', {
        method: 'POST',
        headers: { 'inference-header-content-length': String(json.length) },
        body: Buffer.concat([Buffer.from(json), Buffer.from(bytes)]),
      });
      expect(response.status).toBe(400);
    }
  });

  test('says that it is not there for another model or version', async () => {
    for (const path of [
      '/v2/models/other',
      '/v2/models/match-outcome/versions/999',
      '/v2/models/other/ready',
    ])
      expect((await served.world.request(path)).status).toBe(404);
  });

  test('goes the way of every prediction: through the ledger, as one event', async () => {
    const before = served.world.published.length;
    const response = await infer({
      id: 'a',
      inputs: [tensor('home', ['Everton', 'Fulham']), tensor('away', ['Fulham', 'Everton'])],
    });
    expect(await response.json()).toMatchObject({
      id: 'a',
      model_name: 'match-outcome',
      outputs: [
        { name: 'probs', shape: [2, 3] },
        { name: 'xg', shape: [2, 2] },
        { name: 'markets', shape: [2, 4] },
      ],
    });
    const [event] = served.world.published.slice(before);
    expect((event?.data as { requests: unknown[] }).requests).toHaveLength(2);
  });

  test.skipIf('missing' in need)('tritonclient[http] works unchanged', async () => {
    if ('missing' in need) return;
    const { stdout } = await run(
      need.path,
      ['test/functions/ingress/routes/triton_client.py', new URL(served.url).host, 'match-outcome'],
      { timeout: 60_000 },
    );
    const got = JSON.parse(stdout) as Record<string, unknown> & {
      default: Record<'probs' | 'xg' | 'markets', number[][]>;
      plain: Record<'probs' | 'xg', number[][]>;
      grid: number[];
      refusals: string[];
    };
    expect(got).toMatchObject({
      live: true,
      ready: true,
      modelReady: true,
      otherReady: false,
      id: 'one',
      gridShape: [2, 11, 11],
    });
    const direct = (await (
      await served.world.request('/v1/predictions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"home":"Arsenal","away":"Chelsea"}',
      })
    ).json()) as {
      prediction: { probabilities: Record<string, number>; expectedGoals: Record<string, number> };
    };
    const { probabilities, expectedGoals } = direct.prediction;
    for (const [place, value] of [
      probabilities['home'],
      probabilities['draw'],
      probabilities['away'],
    ].entries()) {
      expect(got.default.probs[0]?.[place]).toBeCloseTo(value ?? NaN, 6);
      expect(got.plain.probs[0]?.[place]).toBeCloseTo(value ?? NaN, 6);
    }
    expect(got.default.xg[0]?.[1]).toBeCloseTo(expectedGoals['away'] ?? NaN, 5);
    expect(got.default.markets.map((row) => row.length)).toEqual([4, 4]);
    for (const sum of got.grid) expect(sum).toBeCloseTo(1, 5);
    const expected = [
      /Arsenl.*nearest: Arsenal/,
      /the model here is match-outcome/,
      /home and away are required/,
      /same number/,
      /no output "nothing"/,
    ];
    expect(got.refusals).toHaveLength(expected.length);
    for (const [place, message] of expected.entries()) expect(got.refusals[place]).toMatch(message);
  });

  test.skipIf('missing' in need)('clients of MLflow’s scoring server work unchanged', async () => {
    if ('missing' in need) return;
    const { stdout } = await run(need.path, ['test/functions/ingress/routes/mlflow_client.py', served.url], {
      timeout: 60_000,
    });
    const got = JSON.parse(stdout) as Record<string, [number, { predictions: unknown; message: string }]>;
    const row = {
      probs: expect.any(Array) as unknown,
      xg: expect.any(Array) as unknown,
      markets: expect.any(Array) as unknown,
    };
    expect(got['ping']).toBe(200);
    expect(got['split']).toEqual([200, { predictions: [row, row] }]);
    expect(got['records']).toEqual(got['split']);
    expect(got['inputs']).toMatchObject([200, { predictions: { probs: [{ length: 3 }, { length: 3 }] } }]);
    for (const [name, message] of [
      ['unknownTeam', /row 0: unknown team "Arsenl"; nearest: Arsenal/],
      ['unknownColumn', /the columns are home, away/],
      ['ragged', /same length/],
      ['nothing', /must have dataframe_split/],
      ['noRows', /at least one/],
    ] as const)
      expect(got[name]).toEqual([
        400,
        { error_code: 'BAD_REQUEST', message: expect.stringMatching(message) as unknown },
      ]);
  });
});
