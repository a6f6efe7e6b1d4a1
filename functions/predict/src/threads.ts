import { availableParallelism } from 'node:os';
import { fs } from '../../shared/builtins.ts';

/**
 * Threads for one inference: what the cgroup's CPU quota allows, at least 1. onnxruntime sizes its pool by the host's cores and ignores the
 * quota: a container of one CPU on a large node would be throttled. `root` is where cgroups are mounted.
 */
export function inferenceThreads(root = '/sys/fs/cgroup', cores = availableParallelism()): number {
  const quota = quotaV2(root) ?? quotaV1(root) ?? cores;
  return Math.max(1, Math.min(cores, Math.floor(quota)));
}

function quotaV2(root: string): number | undefined {
  const [quota, period] = read(`${root}/cpu.max`)?.split(' ') ?? [];
  return ratio(quota, period);
}

function quotaV1(root: string): number | undefined {
  return ratio(read(`${root}/cpu/cpu.cfs_quota_us`), read(`${root}/cpu/cpu.cfs_period_us`));
}

function ratio(quota: string | undefined, period: string | undefined): number | undefined {
  const value = Number(quota) / Number(period);
  // `max` and -1 stand for no quota.
  return value > 0 && Number.isFinite(value) ? value : undefined;
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
