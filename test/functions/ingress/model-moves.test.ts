import { expect, test } from 'vitest';
import { startProcessWorld } from '../../conformance/world.ts';
import { registryFolder } from '../shared/model/registry-folder.ts';
import { shippedFiles } from '../../model/shipped.ts';
import { until } from '../../until.ts';

type Answer = { status: string; cached: boolean; model: { version: string } };

test('when the alias moves no request fails, and no cached answer of the old version is given once the new one has answered', async () => {
  const registry = await registryFolder();
  for (const each of ['1', '2']) await registry.add(each, await shippedFiles(each));
  await registry.alias('Production', '1');
  const world = await startProcessWorld({ registryFolder: registry.folder });
  try {
    const ask = async (away: string): Promise<Answer> => {
      const response = await world.request('/v1/predictions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ home: 'Arsenal', away }),
      });
      expect(response.status).toBe(200);
      return (await response.json()) as Answer;
    };
    expect(await ask('Chelsea')).toMatchObject({ cached: false, model: { version: '1' } });
    expect(await ask('Chelsea')).toMatchObject({ cached: true, model: { version: '1' } });
    await registry.alias('Production', '2');
    await world.predictLooks();
    expect(await ask('Everton')).toMatchObject({ cached: false, model: { version: '2' } });
    // The outcome told ingress of the new version.
    await until(async () => (await (await world.request('/v1/model')).text()).includes('"version":"2"'));
    expect(await ask('Chelsea')).toMatchObject({ cached: false, model: { version: '2' } });
    expect(await ask('Everton')).toMatchObject({ cached: true, model: { version: '2' } });
  } finally {
    await world.close();
    await registry.remove();
  }
});
