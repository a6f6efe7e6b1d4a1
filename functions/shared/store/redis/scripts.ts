import { fingerprintLength } from '../../fingerprint.ts';
import { doneStart, idLength, type Kept } from '../rules.ts';
import { lua } from './lua.ts';

// What scripts have in common. Each piece stands on those before it.
const constants = `local ID_LENGTH, DONE_START, PRINT_LENGTH = ${idLength}, '${doneStart}', ${fingerprintLength}\n`;
const prelude = lua('prelude');
const models = lua('models');
const jobs = constants + lua('jobs');
const settling = jobs + lua('settling');
const deadLetters = lua('dead-letters');

/**
 * The keys of the Redis store, all under `kickoff:`. Scripts make key names from what they read, so this is for one primary with replicas,
 * not for Redis Cluster. What is written for each request lies in hashes, so that one command serves all requests of a script: a command
 * costs a script far more than a field. A hash whose fields shall end is cut in slices of time (`:<n>`, by the clock of Redis), which end
 * as a whole. Outcomes are opaque texts in Lua: cjson would turn empty arrays into objects and round numbers.
 *
 * | key                | type    | holds                                                                          | ends              |
 * | ------------------ | ------- | ------------------------------------------------------------------------------ | ----------------- |
 * | `open`             | hash    | id of a job -> `<size> <open> <attempts> <reply channel>\n=<fingerprints>\n`,  | with the job      |
 * |                    |         | then the lines of what has ended, and `+<place>\t<id>\t<place>` of who joined  |                   |
 * |                    |         | one of its flights                                                             |                   |
 * | `bodies`           | hash    | id of an open job -> who asked, then a line for each request                   | with the job      |
 * | `deadlines`        | zset    | open jobs by deadline                                                          | with the job      |
 * | `ended:<n>`        | hash    | id of a job -> `<size>\n=<fingerprints>\n`, then a line for each request       | after `result`, 3 |
 * |                    |         |                                                                                | slices of a half  |
 * | `answers:<n>`      | hash    | `<id of a digest><fixture>` -> a result without its flag, or a flight:         | by `prediction`,  |
 * |                    |         | `~<time until others may join> <id> <place> <kickoff>` of who leads it         | 2 slices          |
 * | `ids:<n>`          | set     | ids given: they stay known                                                     | after `id`        |
 * | `models`           | hash    | id -> model                                                                    | `id` after use    |
 * | `said:<n>`         | hash    | `<id of a model><home>\t<away>` -> what it said of that match, a line for     | by `history`, 3   |
 * |                    |         | each league: `<league>\t<ms> <forecast>`                                      | slices of a half  |
 * | `history-models`   | hash    | id -> model, of all that is in the history                                     | `history` after   |
 * | `shadows`          | hash    | `<id of the champion>:<id of the challenger>` -> ms of the first comparison    | it was written    |
 * | `shadow:<pair>`    | hash    | `<home>\t<away>\t<league>` -> `<ms> <two forecasts>`, of such a pair          | last              |
 * | `last-good`        | string  | the model that answered last                                                   | never             |
 * | `counts`           | hash    | what `audit` prints: five numbers                                              | never             |
 * | `claim:<key>`      | string  | an idempotency key's claim                                                     | `claim`           |
 * | `dead-letter:<id>` | string  | a dead letter                                                                  | `deadLetter`      |
 * | `dead-letters`     | zset    | by expiry the ids of those whose event is not signed; those of the others in   | with its last one |
 * |                    |         | `dead-letters:signed`                                                          |                   |
 * | `dead-letter-      | hash    | id of a dead letter -> its bytes, and name of either zset -> their sum         | never             |
 * | bytes`             |         |                                                                                |                   |
 * | `ping`             | string  | proof that writes are taken                                                    | a second          |
 * | `reply:<channel>`  | pub/sub | ids of jobs, each before the lines of what has ended                           |                   |
 *
 * A *line* is `<place>\t<result>\n`; size and place of a single job are `s`. A *result* is `<0|1: from the cache><id of the model, or as many
 * dashes><text>`. A flight is not taken away: it holds as long as its leader is open. What an older version wrote has no fingerprints, and something
 * else in place of who asked: it is read as that of nobody in particular, whose ids are not bound.
 *
 * These are the texts that Redis is sent. The file of each says what it is given, which keys it uses and what it replies.
 */
export const scripts = {
  accept: prelude + models + jobs + lua('accept'),
  complete: prelude + models + settling + lua('complete'),
  overdue: prelude + settling + lua('overdue'),
  find: prelude + jobs + lua('find'),
  unaccounted: prelude + lua('unaccounted'),
  deadLetterAdd: deadLetters + lua('dead-letter-add'),
  deadLetterRemove: deadLetters + lua('dead-letter-remove'),
  historyKeep: lua('history-keep'),
  historyAdd: prelude + lua('history-add'),
  historySaid: prelude + lua('history-said'),
};

/** The first arguments of a script with the prelude: the lengths of the slices in ms. */
export function sliceLengths(kept: Kept): number[] {
  return [kept.result / 2, kept.prediction / 2, kept.id / 7, kept.history / 2];
}
