import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startKickoff } from '../servers/kickoff.ts';
import { postTo } from './client.ts';
import { functionsConformance } from './functions.ts';

functionsConformance('spawned by the local runtime, embedded broker and store', async () => {
  const state = await mkdtemp(path.join(tmpdir(), 'kickoff-local-'));
  const kickoff = await startKickoff(state, { LOG_LEVEL: 'warn' });
  return {
    request: (target, init) => fetch(`${kickoff.url}${target}`, init),
    producers: { broker: postTo(`${kickoff.url}/local/broker/`) },
    async close() {
      await kickoff.stop();
      await rm(state, { recursive: true, force: true });
    },
  };
});
