import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { debian } from '../needs.ts';
import { startChromium } from './chromium.ts';
import { type Served, serveWorld } from './served.ts';

const need = await debian('chromium', 'chromium');
const pictures = process.env['KICKOFF_PICTURES'];

describe.skipIf('missing' in need)('the page', { timeout: 90_000 }, () => {
  const executable = 'path' in need ? need.path : '';
  let served: Served;
  let browser: { context: BrowserContext; close(): Promise<void> } | undefined;
  const troubles: string[] = [];

  beforeAll(async () => {
    served = await serveWorld();
    if (pictures !== undefined) await mkdir(pictures, { recursive: true });
  });
  afterEach(async () => {
    await browser?.close();
    browser = undefined;
    served.world.predictAway = false;
    expect(troubles.splice(0)).toEqual([]);
  });
  afterAll(() => served.close());

  async function open(hash: string, options: BrowserContextOptions = {}): Promise<Page> {
    browser ??= await startChromium(executable, { viewport: { width: 1200, height: 860 }, ...options });
    const page = await browser.context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) troubles.push(message.text());
    });
    await page.goto(`${served.url}/${hash}`);
    return page;
  }
  const picture = async (page: Page, name: string): Promise<void> => {
    if (pictures === undefined) return;
    await page.screenshot({
      path: path.join(pictures, `${name}.png`),
      fullPage: true,
      animations: 'disabled',
    });
  };
  const violations = async (page: Page): Promise<string[]> => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    // Of a season's lines, which are all alike, the first ones: of 380, axe takes 20 s.
    const axe = new AxeBuilder({ page }).withTags(tags).exclude('.matchday tbody tr:nth-child(n + 10)');
    const found = (await axe.analyze()).violations;
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`));
  };
  const combobox = (page: Page, name: string) => page.getByRole('combobox', { name });
  const predict = (page: Page) => page.getByRole('button', { name: 'Predict', exact: true });
  const heading = (page: Page) => page.locator('.result h2');
  const csv = (page: Page) => page.getByLabel(/Matches, one per line/);

  describe('says what is wrong with', () => {
    test.each([
      ['a link without a team', '#home=Arsenal', 'This link names no away team.'],
      ['a link that cannot be decoded', '#home=%E0%A4%A&away=Chelsea', 'This link is damaged'],
      ['a link with parts of something else', '#utm=1&home=Arsenal&away=Chelsea', 'a part “utm”'],
      ['a link with a name without end', `#home=${'a'.repeat(101)}&away=Chelsea`, 'more than 100 characters'],
      ['a link to a team that is not known', '#home=Nobody&away=Chelsea', 'Unknown team "Nobody"'],
      ['a link to a match of a team with itself', '#home=Arsenal&away=Arsenal', 'is the home team too'],
    ])('%s', async (_, hash, message) => {
      const page = await open(hash);
      await page.getByRole('alert').getByText(message).waitFor();
      expect(await page.locator('.result').count()).toBe(0);
    });

    test('a table that is none', async () => {
      const page = await open('#matchday');
      for (const [text, message] of [
        ['one line', 'No line has two columns'],
        ['home,away', 'a header and no match'],
      ] as const) {
        await csv(page).fill(text);
        await page.getByRole('button', { name: 'Predict all' }).click();
        await page.getByRole('alert').getByText(message).waitFor();
      }
      const buffer = Buffer.from('a,b\n'.repeat(10_001));
      await page
        .getByLabel('Open a CSV file')
        .setInputFiles({ name: 'long.csv', mimeType: 'text/csv', buffer });
      await page.getByRole('alert').getByText('10001 matches are more than').waitFor();
    });

    test('names that try to be markup, or to reorder the text', async () => {
      const evil = '<img src=x onerror=alert(1)>\u202e\u0007';
      const page = await open(`#home=${encodeURIComponent(evil)}&away=Chelsea`);
      const alert = page.getByRole('alert');
      await alert.getByText('<img src=x onerror=alert(1)>\\u202e\\u0007').waitFor();
      expect(await page.locator('img').count()).toBe(0);
      await page.goto(`${served.url}/#matchday`);
      await csv(page).fill(`home,away\n${evil},Chelsea`);
      await page.getByRole('button', { name: 'Predict all' }).click();
      await page
        .getByRole('cell', { name: /onerror.*u202e/ })
        .first()
        .waitFor();
      expect(await page.locator('img').count()).toBe(0);
    });
  });

  test('a nearest name puts a link right with one click', async () => {
    const page = await open('#home=Arsenl&away=Chelsea');
    await page.getByRole('alert').waitFor();
    expect(await combobox(page, 'Home team').getAttribute('aria-invalid')).toBe('true');
    expect(await combobox(page, 'Away team').getAttribute('aria-invalid')).toBe('false');
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Arsenal', exact: true }).click();
    await page.getByRole('heading', { name: 'Arsenal v Chelsea' }).waitFor();
    expect(await page.title()).toBe('Arsenal v Chelsea · Kickoff');
    expect(page.url()).toContain('#home=Arsenal&away=Chelsea');
  });

  test('offers matches to begin with, which say in a sentence what is likely', async () => {
    const page = await open('');
    await page.getByRole('link', { name: 'Arsenal v Chelsea' }).click();
    await page
      .getByText(/^Arsenal are (clear |slight )?favourites: of 20 such matches they would win \d+, draw \d+/)
      .waitFor();
    expect(await page.getByRole('region', { name: 'Where to begin' }).count()).toBe(0);
  });

  test('says without JavaScript that it needs it, and where to go', async () => {
    const page = await open('', { javaScriptEnabled: false });
    // Playwright's own selectors pass over what is in a noscript.
    expect(await page.locator('.plain').innerText()).toContain('needs JavaScript, which is off here');
    await page.locator('.plain a').click();
    await page.getByRole('heading', { name: 'The API' }).waitFor();
  });

  test('pick by keyboard alone, predict, read the figures', async () => {
    const page = await open('');
    await combobox(page, 'League').focus();
    await page.keyboard.type('premier');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await combobox(page, 'League').inputValue()).toBe('Premier League');
    await page.keyboard.press('Tab');
    await page.keyboard.type('man utd');
    expect(await page.getByRole('option').count()).toBe(1);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('ArrowDown');
    const active = await combobox(page, 'Home team').getAttribute('aria-activedescendant');
    expect(await page.locator(`#${active ?? ''}`).getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('Enter');
    expect(await combobox(page, 'Home team').inputValue()).toBe('Manchester United');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('live');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Manchester United v Liverpool' }).waitFor();

    const figures = await page.locator('.figures dd').allTextContents();
    expect(figures.map((text) => Number(text.replace('%', ''))).reduce((sum, one) => sum + one)).toBe(100);
    const cells = await page.locator('.heat tbody td').allTextContents();
    expect(cells).toHaveLength(49);
    const sum = cells.reduce((total, text) => total + (Number(text) || 0), 0);
    expect(sum).toBeGreaterThan(97.5);
    expect(sum).toBeLessThan(102.5);
    expect(await page.locator('.source').textContent()).toMatch(/match-outcome.*version.*computed now/);
    expect(await violations(page)).toEqual([]);
  });

  test('a share link survives a reload; the second answer is from the cache; the history keeps it', async () => {
    const page = await open('');
    await combobox(page, 'Home team').fill('Real Madrid');
    await combobox(page, 'Away team').fill('Barcelona');
    await page.keyboard.press('Escape');
    await predict(page).click();
    await heading(page).waitFor();
    const link = await page.getByRole('link', { name: 'Link to this match' }).getAttribute('href');
    await page.goto(link ?? '');
    await page.reload();
    await page.getByRole('heading', { name: 'Real Madrid v FC Barcelona' }).waitFor();
    await page.getByText('from the cache').waitFor();
    await page.goto(`${served.url}/`);
    const before = page.locator('.earlier a');
    await before.first().waitFor();
    expect(await before.allTextContents()).toEqual([expect.stringContaining('Real Madrid v FC Barcelona')]);
    await before.click();
    await heading(page).waitFor();
    await page.getByRole('button', { name: 'Forget all' }).click();
    expect(await before.count()).toBe(0);
  });

  test('names the cold start while it lasts, and goes on when the functions are there', async () => {
    served.world.predictAway = true;
    const page = await open('#home=Everton&away=Fulham');
    const status = page.locator('.progress');
    await status.getByText('Most likely a cold start').waitFor();
    await picture(page, 'page-cold-start');
    expect(await violations(page)).toEqual([]);
    await status.getByText('The request is stored').waitFor();
    served.world.predictAway = false;
    const event = served.world.published.findLast(({ type }) => type.includes('requested'));
    if (event) await served.world.deliver(event);
    await heading(page).waitFor();
    await page.getByText('probably with a cold start').waitFor();
  });

  test('takes up a lost connection', async () => {
    const page = await open('#home=Leeds United&away=Burnley');
    await heading(page).waitFor();
    await page.context().setOffline(true);
    await combobox(page, 'Away team').fill('Wolves');
    await page.keyboard.press('Escape');
    await predict(page).click();
    await page.getByText('No connection: trying again.').waitFor();
    await page.context().setOffline(false);
    await page.getByRole('heading', { name: 'Leeds United v Wolverhampton Wanderers' }).waitFor();
  });

  test('takes up a stream of states that breaks', async () => {
    served.world.predictAway = true;
    const page = await open('#home=Brentford&away=Fulham');
    await page.getByText('The request is stored').waitFor();
    served.cut();
    await page.getByText('Connection lost: the request is stored, listening again.').waitFor();
    served.world.predictAway = false;
    const event = served.world.published.findLast(({ type }) => type.includes('requested'));
    if (event) await served.world.deliver(event);
    await page.getByRole('heading', { name: 'Brentford v Fulham' }).waitFor();
  });

  test('predicts the rest of a table that was stopped', async () => {
    served.world.predictAway = true;
    const page = await open('#matchday');
    await page.getByRole('button', { name: 'Fill in an example' }).click();
    await page.getByRole('button', { name: 'Predict all' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('0 of 5 predicted').waitFor();
    served.world.predictAway = false;
    await page.getByRole('button', { name: 'Predict the rest' }).click();
    // The same matches are in flight already: asking again waits for them.
    const event = served.world.published.findLast(({ type }) => type.includes('requested'));
    if (event) await served.world.deliver(event);
    await page.getByText('5 of 5 predicted').waitFor();
    expect(await page.getByRole('button', { name: 'Predict the rest' }).count()).toBe(0);
  });

  test('a season of 380 with progress, each line by name, and its download', async () => {
    const page = await open('#matchday');
    const { teams } = (await (await served.world.request('/v1/teams?league=ENG1')).json()) as {
      teams: { name: string }[];
    };
    const lines = teams.flatMap(({ name: home }) =>
      teams.filter(({ name }) => name !== home).map(({ name: away }) => `${home},${away}`),
    );
    expect(lines).toHaveLength(380);
    // As text: this project's types are those of Node, not those of a browser.
    await page.evaluate(`{
      globalThis.seen = new Set();
      const look = () => seen.add(document.querySelector('.matchday [role=status]')?.textContent);
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    }`);
    await csv(page).fill(['home,away', ...lines].join('\n'));
    await page.getByRole('button', { name: 'Predict all' }).click();
    await page.getByText('380 of 380 predicted').waitFor();
    const seen = await page.evaluate<string[]>('[...seen]');
    const progress = seen.filter((text) => /: \d+ of 380/.test(text));
    expect(progress.length).toBeGreaterThan(5);
    expect(await page.locator('.matchday tr.done').count()).toBe(380);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download CSV' }).click(),
    ]);
    const text = await readFile(await download.path(), 'utf8');
    expect(text.trim().split('\r\n')).toHaveLength(381);
    expect(text.split('\r\n')[0]).toMatch(/^home,away,predicted home,/);
    expect(await violations(page)).toEqual([]);
  });

  test('marks the lines of a matchday that it cannot predict, predicts the rest, and takes a nearest name', async () => {
    const page = await open('#matchday');
    await csv(page).fill(
      'Date;HomeTeam;AwayTeam\n01/01/26;Arsenal;Chelsea\n;Arsenl;Everton\n;"Bayern";Dortmund\n;;Fulham\n;Real Madrid;Barcelona',
    );
    await page.getByRole('button', { name: 'Predict all' }).click();
    await page.getByText(/3 of 5 predicted in .*, 2 with a fault/).waitFor();
    await page.getByText('names no home team').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Arsenal', exact: true }).click();
    await page.getByText(/4 of 5 predicted in .*, 1 with a fault/).waitFor();
    await picture(page, 'page-matchday');
  });

  test.each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
    ['phone in the dark', { colorScheme: 'dark', viewport: { width: 320, height: 640 } }],
  ] as const)('has no fault that axe finds and nothing wider than the screen: %s', async (name, options) => {
    const page = await open('#home=Bayern München&away=Borussia Dortmund', options);
    await heading(page).waitFor();
    expect(await violations(page)).toEqual([]);
    const tooWide = (): Promise<boolean> =>
      page.evaluate<boolean>('document.documentElement.scrollWidth > document.documentElement.clientWidth');
    expect(await tooWide()).toBe(false);
    await picture(page, `page-${name.replaceAll(' ', '-')}`);
    await page.goto(`${served.url}/#matchday`);
    await csv(page).fill('Arsenal,Chelsea\nArsenl,Everton\nMan Utd,Liverpool\nWolves,Burnley');
    await page.getByRole('button', { name: 'Predict all' }).click();
    await page.getByText(/of 4 predicted in/).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await tooWide()).toBe(false);
    await picture(page, `page-matchday-${name.replaceAll(' ', '-')}`);
  });
});
