import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Outcome, Prediction, PredictionRequest } from '../../shared/prediction.ts';

/** A request whose names are canonical and whose league is filled in. */
export type ResolvedRequest = PredictionRequest & { league: string };

/** One loaded graph. `run` blocks the thread: some 50 µs for one match, 2 ms for a thousand. */
export type Model = {
  /** One outcome for each request, in their order, by one run of the graph. */
  run(requests: readonly ResolvedRequest[]): Promise<Outcome[]>;
  release(): Promise<void>;
};

const goals = 11;
const cells = goals * goals;

/** Loads a graph from the bytes of its file. Rejects when it is no graph of this contract. */
export async function createModel(graph: Uint8Array, threads: number): Promise<Model> {
  const { InferenceSession: Session, Tensor: StringTensor } = await import('./onnxruntime.ts');
  const session: InferenceSession = await Session.create(graph, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Its threads would spin after each run, waiting for the next: most of predict's CPU under load, taken from its neighbours.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    // In a container with a CPU set, each thread would log an affinity warning.
    logSeverityLevel: 3,
  });
  for (const name of ['home', 'away', 'league'])
    if (!session.inputNames.includes(name)) throw new Error(`the graph has no input ${name}`);
  for (const name of ['probs', 'xg', 'markets', 'scoreline', 'known'])
    if (!session.outputNames.includes(name)) throw new Error(`the graph has no output ${name}`);

  return {
    async run(requests) {
      const column = (of: (request: ResolvedRequest) => string): Tensor =>
        new StringTensor('string', requests.map(of), [requests.length]);
      const wantsGrid = requests.some(({ scoreline }) => scoreline === true);
      const outputs = await session.run(
        {
          home: column(({ home }) => home),
          away: column(({ away }) => away),
          league: column(({ league }) => league),
        },
        ['probs', 'xg', 'markets', 'known', ...(wantsGrid ? ['scoreline'] : [])],
      );
      const probs = floats(outputs, 'probs', requests.length * 3);
      const xg = floats(outputs, 'xg', requests.length * 2);
      const markets = floats(outputs, 'markets', requests.length * 4);
      const grids = wantsGrid ? floats(outputs, 'scoreline', requests.length * cells) : undefined;
      const known = outputs['known']?.data;
      return requests.map((request, n): Outcome => {
        const { id, home, away, league } = request;
        if (!known?.[n])
          return { id, status: 'failed', reason: `the model does not know ${home} or ${away}` };
        const [homeWin = 0, draw = 0, awayWin = 0] = summingToOne(probs.subarray(n * 3, n * 3 + 3), 6);
        const market = (place: number): number => rounded(clamped(markets[n * 4 + place] ?? 0), 6);
        const prediction: Prediction = {
          home,
          away,
          league,
          probabilities: { home: homeWin, draw, away: awayWin },
          expectedGoals: { home: rounded(xg[n * 2] ?? 0, 6), away: rounded(xg[n * 2 + 1] ?? 0, 6) },
          markets: { over15: market(0), over25: market(1), over35: market(2), bothTeamsScore: market(3) },
        };
        if (grids && request.scoreline === true) {
          const flat = summingToOne(grids.subarray(n * cells, (n + 1) * cells), 8);
          prediction.scoreline = Array.from({ length: goals }, (_, row) =>
            flat.slice(row * goals, (row + 1) * goals),
          );
        }
        return { id, status: 'done', prediction };
      });
    },
    release: () => session.release(),
  };
}

function floats(outputs: InferenceSession.OnnxValueMapType, name: string, length: number): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array) || data.length !== length)
    throw new Error(`output ${name} of the graph is not ${length} float32 numbers`);
  return data;
}

/** Rounds to `digits`. The largest number takes the rest, so that the sum stays 1. */
function summingToOne(values: Float32Array, digits: number): number[] {
  const result = Array.from(values, (value) => rounded(clamped(value), digits));
  let largest = 0;
  let rest = 1;
  for (const [place, value] of result.entries()) {
    if (value > (result[largest] ?? 0)) largest = place;
    rest -= value;
  }
  result[largest] = rounded((result[largest] ?? 0) + rest, digits);
  return result;
}

function clamped(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
