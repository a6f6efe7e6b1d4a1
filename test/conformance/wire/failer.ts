import * as v from 'valibot';

const Headers = v.record(v.string(), v.nullable(v.string()));

/** What an event asks a function to answer, in its data under `do.<function>`. */
const Recipe = v.object({
  status: v.optional(v.number()),
  headers: v.optional(Headers),
  body: v.optional(v.string()),
  reply: v.optional(v.object({ headers: v.optional(Headers), data: v.optional(v.unknown()) })),
  delayMs: v.optional(v.number(), 0),
});
const Asked = v.object({ do: v.record(v.string(), Recipe) });

export type Answer = { status: number; headers: Record<string, string>; body: string; delayMs: number };

/** The answer of the function that was recorded: what the event asks of it, 204 where it asks nothing. */
export function answerOf(fn: string, id: string, body: string): Answer {
  const data = parse(body);
  const asked = v.safeParse(Asked, data);
  const recipe = asked.success ? asked.output.do[fn] : undefined;
  if (!recipe) return { status: 204, headers: {}, body: '', delayMs: 0 };
  const { status, headers = {}, body: text = '', reply, delayMs } = recipe;
  if (!reply) return { status: status ?? 204, headers: given(headers), body: text, delayMs };
  const defaults = {
    'ce-specversion': '1.0',
    'ce-id': `re-${id}`,
    'ce-source': `/fn/${fn}`,
    'ce-type': 'reply',
    'content-type': 'application/json',
  };
  const echoed = { from: fn, of: id, in: data, do: (data as { do: unknown }).do };
  return {
    status: status ?? 200,
    headers: given({ ...defaults, ...reply.headers }),
    body: JSON.stringify(reply.data === undefined ? echoed : reply.data),
    delayMs,
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function given(headers: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}
