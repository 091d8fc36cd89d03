import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { writeReport } from '../../cli/report/command.js';
import type { Point } from '../../schemas/messages.js';
import type { RunSummary } from '../../schemas/status.js';
import { browserMissing, openBrowser, openPage } from '../browser.js';
import { devices, samplePoints, sampleSummary, writeRun } from './report-sample.js';

const skip = browserMissing ?? false;

/** Text that reaches over the page, the card or the plot that it belongs to, in its own words. */
const overflows = `(() => {
  const found = [];
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push('the page by ' + wide + ' px');
  for (const text of document.querySelectorAll('svg text')) {
    const own = text.getBoundingClientRect();
    const card = text.closest('.card').getBoundingClientRect();
    if (own.left < card.left || own.right > card.right) found.push(text.textContent);
  }
  for (const node of document.querySelectorAll('h1, h2, h3, p, dt, dd, .tiles div, summary'))
    if (node.scrollWidth > node.clientWidth + 1 && !node.matches('.unseen')) found.push(node.textContent.slice(0, 60));
  return found;
})()`;

/** Labels of one plot that lie over one another. */
const collisions = `[...document.querySelectorAll('figure svg[role]')].flatMap((svg) => {
  const boxes = [...svg.querySelectorAll('text')].map((text) => [text.textContent, text.getBBox()]);
  return boxes.flatMap(([name, a], i) => boxes.slice(i + 1).flatMap(([other, b]) =>
    Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) > 1 &&
    Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) > 5 ? [name + ' / ' + other] : []));
})`;

async function opened(t: TestContext, summary: RunSummary, points: readonly Point[]) {
  const runs = await mkdtemp(join(tmpdir(), 'fleetune-report-'));
  t.after(() => rm(runs, { recursive: true }));
  const path = await writeReport({ folder: await writeRun(runs, summary, points), summary });
  const { page, complaints } = await openPage(await openBrowser(t), {
    viewport: { width: 1200, height: 900 },
  });
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  const url = pathToFileURL(path).href;
  await page.goto(url);
  return { page, complaints, requests, url, pictures: process.env.SCREENSHOTS ?? runs };
}

type Look = readonly [name: string, width: number, media: Parameters<Page['emulateMedia']>[0]];
const looks: readonly Look[] = [
  ['light', 1200, { colorScheme: 'light', media: 'screen' }],
  ['dark', 1200, { colorScheme: 'dark', media: 'screen' }],
  ['phone', 390, { colorScheme: 'light', media: 'screen' }],
  ['phone-dark', 390, { colorScheme: 'dark', media: 'screen' }],
  ['print', 690, { colorScheme: 'dark', media: 'print' }], // A4 within its margins, of who reads in the dark.
];

for (const [kind, summary, points] of [
  ['with points', sampleSummary(), samplePoints(sampleSummary())],
  ['of a summary alone', sampleSummary({ before: null, after: null, adapter: null }), []],
  ['of 300 rounds', sampleSummary({}, 300), []],
  ['without rounds', sampleSummary({ state: 'stopped', reason: 'stopped by an operator', rounds: [] }), []],
] as const) {
  test(`a report ${kind} fits a screen, a phone and paper, and loads nothing`, { skip }, async (t) => {
    const { page, complaints, requests, url, pictures } = await opened(t, summary, points);
    for (const [look, width, media] of looks) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia(media);
      assert.deepEqual(await page.evaluate(overflows), [], look);
      assert.deepEqual(await page.evaluate(collisions), [], look);
      const name = `report-${kind.replaceAll(' ', '-')}-${look}.png`;
      await page.screenshot({ path: join(pictures, name), fullPage: true });
    }
    assert.deepEqual(complaints, []);
    assert.deepEqual(requests, [url]);
  });
}

test('the dark report is dark, the printed one is not, and text stands out from its ground in each', {
  skip,
}, async (t) => {
  const { page } = await opened(t, sampleSummary(), samplePoints(sampleSummary()));
  const lightness = async (media: Parameters<Page['emulateMedia']>[0]) => {
    await page.emulateMedia(media);
    return Number(await page.evaluate('getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[1]'));
  };
  assert.ok((await lightness({ colorScheme: 'light' })) > 200);
  assert.ok((await lightness({ colorScheme: 'dark' })) < 60);
  assert.ok((await lightness({ colorScheme: 'dark', media: 'print' })) > 200);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, media: 'screen' });
    assert.deepEqual(await page.evaluate(faintTexts), [], colorScheme);
  }
});

/** Words in the plots whose contrast with the card is below 4.5 (WCAG 2.2, 1.4.3). */
const faintTexts = `(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const card = light(getComputedStyle(document.querySelector('.card')).backgroundColor);
  return [...document.querySelectorAll('svg text')].flatMap((text) => {
    const own = light(getComputedStyle(text).fill);
    return Math.max(own, card) / Math.min(own, card) < 4.5 ? [text.textContent] : [];
  });
})()`;

test('every picture has words and numbers beside it, and headings in their order', { skip }, async (t) => {
  const { page } = await opened(t, sampleSummary(), samplePoints(sampleSummary()));
  const pictures = page.getByRole('img');
  const words = await Promise.all(
    (await pictures.all()).map((picture) => picture.getAttribute('aria-label')),
  );
  assert.equal(words.length, 12);
  assert.ok(words.every((text) => /\d/.test(text!)));
  assert.ok(words.includes('Loss by round: training 3.125 to 1.760, held out 3.500 to 1.610.'));
  const levels = await page
    .locator('h1, h2, h3')
    .evaluateAll((all) => all.map((h) => Number((h as { tagName?: string }).tagName![1])));
  assert.ok(
    levels.every((level, i) => i === 0 || level <= levels[i - 1]! + 1),
    String(levels),
  );
  const folded = page.locator('details').first();
  await folded.locator('summary').press('Enter');
  assert.equal(await folded.getByRole('row').count(), 1 + 1 + 8);
  const table = page.getByRole('table', { name: 'Devices' });
  for (const device of devices) await table.getByRole('rowheader', { name: device, exact: true }).waitFor();
  assert.match((await table.getByRole('row').filter({ hasText: 'pi-5' }).textContent())!, /no sensor/);
});

test('text of others stays text', { skip }, async (t) => {
  const markup = '<img src=x onerror="document.title=1">&amp;</style><script>document.title=2</script>\u202e';
  const [first, ...rest] = sampleSummary().rounds;
  const odd = {
    ...first!,
    invited: [markup],
    participants: [],
    refused: { [markup]: markup },
    reason: markup,
  };
  const summary = sampleSummary({ reason: markup, rounds: [odd, ...rest] });
  const { page, complaints } = await opened(t, summary, []);
  assert.equal(await page.locator('img:not(svg), script').count(), 0);
  assert.equal(await page.title(), `${summary.run} · Fleetune report`);
  assert.ok(
    (await page.getByRole('table', { name: 'Failures and refusals' }).textContent())!.includes(
      '<script>document.title=2',
    ),
  );
  assert.deepEqual(complaints, []);
});
