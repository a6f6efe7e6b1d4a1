import * as v from 'valibot';
import { recording } from '../recordings.ts';

const AppEvent = v.object({
  event: v.string(),
  method: v.optional(v.string()),
  url: v.optional(v.string()),
  rawHeaders: v.optional(v.array(v.string())),
  length: v.optional(v.number()),
  sha: v.optional(v.string()),
  trailers: v.optional(v.array(v.string())),
  finished: v.optional(v.boolean()),
  error: v.optional(v.string()),
});
export type AppEvent = v.InferOutput<typeof AppEvent>;

const Recorded = v.object({
  case: v.string(),
  path: v.picklist(['both', 'activator', 'direct']),
  request: v.optional(v.array(v.string()), []),
  response: v.optional(
    v.object({
      status: v.optional(v.number()),
      line: v.optional(v.string(), ''),
      headers: v.optional(v.array(v.string()), []),
      interim: v.optional(v.array(v.array(v.string())), []),
      body: v.optional(v.string(), ''),
      extra: v.optional(v.string(), ''),
      complete: v.optional(v.boolean(), true),
      end: v.optional(v.string()),
    }),
  ),
  more: v.optional(v.record(v.string(), v.unknown()), {}),
  app: v.optional(v.array(AppEvent)),
});
export type Recorded = v.InferOutput<typeof Recorded>;

/** What the real path did: `http-path.json` of ../shared/wire. */
export function readRecorded(): Recorded[] {
  return recording('http-path', v.array(Recorded));
}

/** A line of what the app of the replay writes down (`app.ts`). */
export const Told = v.object({ case: v.string(), ...AppEvent.entries });
