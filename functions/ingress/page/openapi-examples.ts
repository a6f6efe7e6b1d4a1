import { ledgerId } from '../../shared/identity.ts';

/** What the API answers for two real matches. Parts of several examples are here once. */
const id = '0199a1f0-5b7e-7c3a-9f21-6d4c8e0b1a52';
const model = {
  name: 'match-outcome',
  version: '1',
  digest: '8f3a1c0e5b7d92461f0ac3e8d5b7f9021c4e6a8b0d2f4163857a9cbed1f20345',
  ratingsAsOf: '2025-05-31',
};
const prediction = {
  home: 'Arsenal',
  away: 'Chelsea',
  league: 'ENG1',
  probabilities: { home: 0.5461, draw: 0.2507, away: 0.2032 },
  expectedGoals: { home: 1.7631, away: 1.0118 },
  markets: { over15: 0.7649, over25: 0.5261, over35: 0.3015, bothTeamsScore: 0.5318 },
};
const done = { status: 'done', prediction, model, cached: false };
const failed = {
  status: 'failed',
  reason: 'unknown team "Arsenl"; nearest: Arsenal',
  nearest: ['Arsenal'],
};
const requestId = '0199a1f0-5b7e-7c3a-9f21-6d4c8e0b1a53';
const data = {
  requests: [{ id, home: 'Arsenal', away: 'Chelsea' }],
  replyTo: 'my-service',
};
const event = {
  specversion: '1.0',
  id: 'b6f1c2de-8f5c-4b61-9d3a-0a8e4f0f7c11',
  source: '/my/service',
  type: 'dev.kickoff.prediction.requested.v1',
  datacontenttype: 'application/json',
  data,
};
const tensor = (name: string, text: string) => ({ name, shape: [1], datatype: 'BYTES', data: [text] });
const { home, draw, away } = prediction.probabilities;
const scored = {
  probs: [home, draw, away],
  xg: [prediction.expectedGoals.home, prediction.expectedGoals.away],
  markets: Object.values(prediction.markets),
};

export const examples = {
  id,
  requestId,
  fixture: { home: 'Arsenal', away: 'Chelsea', league: 'ENG1', scoreline: false },
  list: {
    fixtures: [
      { home: 'Arsenal', away: 'Chelsea' },
      { home: 'Arsenl', away: 'Everton' },
    ],
  },
  single: { id, ...done },
  listDone: { id, status: 'done', outcomes: [done, failed] },
  queued: { id, status: 'queued' },
  data,
  event,
  accepted: {
    accepted: [
      {
        id: event.id,
        requests: data.requests.map((request) => ({
          id: request.id,
          location: `/v1/predictions/${ledgerId({ source: event.source, id: request.id })}`,
        })),
      },
    ],
  },
  streamed: { id: '2', event: 'state', data: JSON.stringify({ id, ...done }) },
  leagues: { leagues: [{ id: 'ENG1', name: 'Premier League', country: 'ENG', tier: 1, teams: 20 }] },
  teams: {
    teams: [
      {
        name: 'Manchester United',
        country: 'ENG',
        league: 'ENG1',
        aliases: ['Man United', 'Man Utd'],
      },
    ],
  },
  model: {
    ...model,
    stale: false,
    alias: 'models:/match-outcome@Production',
    loadedSince: '2026-01-15T10:00:00.000Z',
    metrics: { season_2024_25: { n: 1750, rps: 0.1985, ece: 0.0135 } },
  },
  inference: { id: 'one', inputs: [tensor('home', 'Arsenal'), tensor('away', 'Chelsea')] },
  inferred: {
    model_name: 'match-outcome',
    model_version: '1',
    id: 'one',
    outputs: Object.entries(scored).map(([name, values]) => ({
      name,
      datatype: 'FP32',
      shape: [1, values.length],
      data: values,
    })),
  },
  inferenceModel: {
    name: 'match-outcome',
    versions: ['1'],
    platform: 'onnx_onnxv1',
    inputs: [
      { name: 'home', datatype: 'BYTES', shape: [-1] },
      { name: 'away', datatype: 'BYTES', shape: [-1] },
      { name: 'league', datatype: 'BYTES', shape: [-1] },
    ],
    outputs: [{ name: 'probs', datatype: 'FP32', shape: [-1, 3] }],
  },
  invocation: { dataframe_records: [{ home: 'Arsenal', away: 'Chelsea' }] },
  invoked: { predictions: [scored] },
};
