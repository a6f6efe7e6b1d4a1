import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRegistry } from '../../eventing/local/registry.ts';
import { registryFolder } from '../functions/shared/model/registry-folder.ts';
import { startPredict } from '../servers/predict.ts';
import { shippedFiles } from './shipped.ts';

let folder: Awaited<ReturnType<typeof registryFolder>>;
let server: Awaited<ReturnType<typeof startRegistry>>;

beforeAll(async () => {
  folder = await registryFolder();
  for (const version of ['1', '2']) await folder.add(version, await shippedFiles(version));
  await folder.alias('Production', '1');
  server = await startRegistry(folder.folder);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

test('500 swaps leave the memory of predict where it was', async () => {
  // Without it V8's young generation doubles once, by 32 MiB, some hundred swaps sooner or later.
  const NODE_OPTIONS = '--max-semi-space-size=16';
  const predict = await startPredict({ MLFLOW_TRACKING_URI: server.url, LOG_LEVEL: 'warn', NODE_OPTIONS });
  const curve: { swaps: number; mib: number }[] = [];
  for (let swap = 1; swap <= 500; swap++) {
    const version = swap % 2 ? '2' : '1';
    await folder.alias('Production', version);
    expect(await predict.refresh()).toBe(200);
    for (const away of ['Chelsea', 'Everton', 'Liverpool'])
      expect((await predict.ask('Arsenal', away)).model.version).toBe(version);
    if (swap === 1 || swap % 25 === 0) curve.push({ swaps: swap, mib: Math.round(predict.rss()) });
  }
  console.log(`RSS over swaps: ${curve.map(({ swaps, mib }) => `${swaps}: ${mib}`).join(', ')} MiB`);
  await predict.stop();
  const at = (swaps: number): number => curve.find((point) => point.swaps === swaps)?.mib ?? NaN;
  // The heap grows until its first full collections, the last of which come after 150 to 200 swaps; a session that is not released costs some
  // 2 MiB a swap, the bytes of a graph that are kept 0.1.
  expect(at(500) - at(250)).toBeLessThan(10);
  expect(at(500)).toBeLessThan(250);
}, 120_000);
