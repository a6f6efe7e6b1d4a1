import * as v from 'valibot';
import type { Prediction } from '../../../shared/prediction.ts';
import { Problem } from '../../../shared/http/problem.ts';
import { readJson } from '../http/body.ts';
import { type HttpAnswer, json } from '../http/answer.ts';
import { inOneLine, outputs, predictRows, type Row } from './predict-rows.ts';
import { bodyLimit, type PredictionParts } from './predictions.ts';

const Cell = v.nullish(v.string());
const Record = v.object({ home: v.string(), away: v.string(), league: Cell });
const columns = ['home', 'away', 'league'];
const Column = v.array(v.string());

/** What MLflow's scoring server takes as JSON (MLflow 2 and 3), for the signature of the registered model. */
export const Invocation = v.union(
  [
    v.object({
      dataframe_split: v.object({
        columns: v.array(v.string()),
        data: v.array(v.array(Cell)),
        index: v.optional(v.array(v.unknown())),
      }),
    }),
    v.object({ dataframe_records: v.array(Record) }),
    v.object({ inputs: v.object({ home: Column, away: Column, league: v.optional(Column) }) }),
  ],
  'must have dataframe_split, dataframe_records or inputs, with text columns home, away and (optional) league',
);
export type Invocation = v.InferOutput<typeof Invocation>;

const names = ['probs', 'xg', 'markets'] as const;

/**
 * POST /invocations: rows in, `{"predictions"}` out. As MLflow's ONNX flavour: a list of records for a data frame, a dictionary of columns for
 * `inputs`. Errors are `{"error_code", "message"}`.
 */
export async function invocations(request: Request, present: () => PredictionParts): Promise<HttpAnswer> {
  try {
    const parsed = v.safeParse(Invocation, await readJson(request, bodyLimit), { abortEarly: true });
    if (!parsed.success) throw new Problem(400, parsed.issues[0].message);
    const { predictions } = await predictRows(rowsOf(parsed.output), request, present());
    const record = (prediction: Prediction): Partial<{ [name in (typeof names)[number]]: number[] }> =>
      Object.fromEntries(names.map((name) => [name, outputs[name].values(prediction)]));
    const column = (name: (typeof names)[number]) => predictions.map((one) => outputs[name].values(one));
    return json({
      predictions:
        'inputs' in parsed.output
          ? Object.fromEntries(names.map((name) => [name, column(name)]))
          : predictions.map(record),
    });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const status = error.status === 422 ? 400 : error.status;
    const code = { 400: 'BAD_REQUEST', 503: 'TEMPORARILY_UNAVAILABLE' }[status] ?? 'INVALID_PARAMETER_VALUE';
    return json({ error_code: code, message: inOneLine(error) }, { status, headers: error.headers });
  }
}

function rowsOf(invocation: Invocation): Row[] {
  if ('dataframe_records' in invocation)
    return invocation.dataframe_records.map(({ home, away, league }) => ({
      home,
      away,
      league: league ?? '',
    }));
  if ('inputs' in invocation) {
    const { home, away, league } = invocation.inputs;
    if (home.length !== away.length || (league && league.length !== home.length))
      throw new Problem(400, 'the columns must have the same length');
    return home.map((name, place) => ({ home: name, away: away[place] ?? '', league: league?.[place] }));
  }
  const { columns: given, data } = invocation.dataframe_split;
  const unknown = given.find((name) => !columns.includes(name));
  if (
    unknown !== undefined ||
    new Set(given).size !== given.length ||
    !given.includes('home') ||
    !given.includes('away')
  )
    throw new Problem(400, 'the columns are home, away and (optional) league, each once');
  return data.map((cells, place) => {
    if (cells.length !== given.length)
      throw new Problem(400, `row ${place} has ${cells.length} cells for ${given.length} columns`);
    const cell = (name: string): string => cells[given.indexOf(name)] ?? '';
    return { home: cell('home'), away: cell('away'), league: given.includes('league') ? cell('league') : '' };
  });
}
