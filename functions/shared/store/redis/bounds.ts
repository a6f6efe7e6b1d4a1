/**
 * What a script may read and write at once, so that none holds up Redis for long and none fills its memory. Whatever is beyond waits for the next
 * call. `test/functions/shared/store/redis/bounds.test.ts` measures the longest of each.
 */
export const bounds = {
  /** The most outcomes that a script is given, the most jobs that they are of, and the most bytes of their results. */
  outcomes: 1000,
  jobs: 250,
  outcomeBytes: 2 ** 19,
  /** The most bytes of records that a script reads besides its first, and of results that it gives those who joined. */
  room: 2 ** 19,
  /** What one of those who joined counts besides its result, in bytes. */
  perFollower: 1536,
  /** The most bytes of who joined that one job leads, some 50 each. Who comes then is published, and leads. */
  joined: 2 ** 17,
};
