import * as v from 'valibot';
import { expect, test } from 'vitest';
import { applyBounds } from '../../../../../eventing/local/serving/autoscaler/apply.ts';
import { lengthMs, readTraces, toMs } from './wire.ts';

const Bit = v.picklist([0, 1]);
const Maybe = v.nullable(v.number());
const Row = v.object({
  desiredScale: v.number(),
  replicas: v.number(),
  minScaleAnn: Maybe,
  maxScaleAnn: Maybe,
  cmMinScale: v.number(),
  cmMaxScale: v.number(),
  initialScaleAnn: Maybe,
  cmInitialScale: v.number(),
  allowZeroInitialScale: Bit,
  scaleTargetInitialized: Bit,
  reachability: v.picklist(['Reachable', 'Unreachable', '']),
  active: v.picklist(['True', 'False', 'Unknown']),
  activeSinceS: v.number(),
  stableWindowS: v.number(),
  gracePeriodS: v.number(),
  cmRetentionS: v.number(),
  retentionAnnS: Maybe,
  targetBurstCapacity: v.number(),
  progressDeadlineS: v.number(),
  progressDeadlineAnnS: Maybe,
  enableScaleToZero: Bit,
  sksMode: v.picklist(['Serve', 'Proxy']),
  proxyForS: Maybe,
  probe: v.picklist(['ok', 'no', 'err']),
  want: v.number(),
  patchedReplicas: Maybe,
  enqueueAfterS: v.array(v.number()),
  syncProbes: v.number(),
  asyncProbes: v.number(),
  note: v.string(),
});
type Row = v.InferOutput<typeof Row>;

const States = { True: 'Active', False: 'Inactive', Unknown: 'Activating' } as const;

test('every recorded decision on bounds and zero is equal', () => {
  const { columns, rows } = readTraces(
    'to-zero-traces.json',
    v.object({ columns: v.array(v.string()), rows: v.array(v.array(v.unknown())) }),
  );
  const differences = rows.flatMap((cells, index) => {
    const row = v.parse(Row, Object.fromEntries(columns.map((column, place) => [column, cells[place]])));
    const { want, patchedReplicas, enqueueAfterS, syncProbes, asyncProbes } = row;
    const expected = JSON.stringify({ want, patchedReplicas, enqueueAfterS, syncProbes, asyncProbes });
    const actual = JSON.stringify(decided(row));
    return actual === expected ? [] : [`row ${index} (${row.note}): ${actual} instead of ${expected}`];
  });
  expect(differences).toEqual([]);
  expect(rows.length).toBeGreaterThan(0);
  console.log(`to-zero traces: ${rows.length} decisions replayed, ${rows.length} equal`);
});

function decided(row: Row) {
  const nowMs = toMs(0);
  const initialGiven =
    row.initialScaleAnn !== null && (row.initialScaleAnn > 0 || row.allowZeroInitialScale === 1);
  const { wanted, write, againMs, probe } = applyBounds(
    row.desiredScale,
    {
      nowMs,
      reachable: row.reachability !== 'Unreachable',
      activity: {
        state: States[row.active],
        reason: '',
        sinceMs: nowMs - lengthMs(row.activeSinceS),
        initialized: row.scaleTargetInitialized === 1,
      },
      path: { mode: row.sksMode, inPathMs: lengthMs(row.proxyForS ?? 0), answers: row.probe === 'ok' },
    },
    {
      minScale: row.minScaleAnn ?? row.cmMinScale,
      maxScale: row.maxScaleAnn ?? row.cmMaxScale,
      initialScale: initialGiven ? (row.initialScaleAnn ?? 0) : row.cmInitialScale,
      enableScaleToZero: row.enableScaleToZero === 1,
      stableWindowMs: lengthMs(row.stableWindowS),
      gracePeriodMs: lengthMs(row.gracePeriodS),
      retentionMs: lengthMs(row.retentionAnnS ?? row.cmRetentionS),
      progressDeadlineMs: lengthMs(row.progressDeadlineAnnS ?? row.progressDeadlineS),
      targetBurstCapacity: row.targetBurstCapacity,
      total: 100,
      activatorCapacity: 100,
    },
  );
  return {
    want: wanted,
    patchedReplicas: write && wanted !== row.replicas ? wanted : null,
    enqueueAfterS: againMs === undefined ? [] : [againMs / 1000],
    syncProbes: probe === 'none' ? 0 : 1,
    asyncProbes: probe === 'unanswered' ? 1 : 0,
  };
}
