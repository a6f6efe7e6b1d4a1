/** One thing that the doctor looked at: `ok`, what it saw, and what to do where that is not as it should be. */
export type Finding = { ok: boolean; text: string; remedy: string };
