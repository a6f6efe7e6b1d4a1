export type Differing = { cases: string[]; facts: string[] };
export const differing: Differing[] = [];
const settings = 'x';
export const absent: Record<string, string> = {
  'response-start-3-silent': settings,
  'idle-3': settings,
  'idle-3-head-only': settings,
  'idle-3-alone-silent-acti': settings,
  'idle-3-alone-silent-diri': settings,
  'early-413-slow-500-full-duplex-actf': settings,
  'early-413-slow-5000000-full-duplex-actf': settings,
  'early-413-slow-500-full-duplex-dirf': settings,
  'early-413-slow-5000000-full-duplex-dirf': settings,
  'split-one-cannot-start': settings,
  'split-two-revisions': settings,
  'split-tag-host': settings,
  'split-tag-header': settings,
  'idle-stream-scale-to-zero': settings,
  'pod-deleted-act': settings,
  'pod-deleted-dir': settings,
  'ready-after-listen': settings,
};
