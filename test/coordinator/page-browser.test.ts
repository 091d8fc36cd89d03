import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { encode } from '../../schemas/codec.js';
import { topicsOf } from '../../schemas/topics.js';
import { browserMissing, openBrowser, openPage } from '../browser.js';
import { type MeasuringDevice, PageFleet } from './page-rig.js';
import { fleet } from './scripted-device.js';

const skip = browserMissing ?? false;
const markup = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>';

/** Waits until an element says something like it. */
const says = (page: Page, selector: string, pattern: RegExp) =>
  page.locator(selector).filter({ hasText: pattern }).waitFor();

/** For a person to look at, where SCREENSHOTS names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Three devices, of which one has no sensor; round 2 stays open until `go` is called. */
async function fleetAtWork(made: PageFleet) {
  let open = false;
  const change: Parameters<PageFleet['device']>[0]['change'] = (update, task) => {
    const measures = { ...update.measures, loss: 3 / (1 + task.key.round) + 0.5, joules: 12.5 };
    return task.key.kind === 'train' && task.key.round === 2 && !open ? null : { ...update, measures };
  };
  const script = { step: 0.1, examples: 40 };
  const devices = [
    await made.device({ ...script, id: 'orin-1', change }),
    await made.device({ ...script, id: 'orin-2' }),
    await made.device({ ...script, id: 'nano-1', change }),
  ];
  const go = () => {
    open = true;
  };
  return { devices, go };
}

/** Steps of rounds 1 and 2 as devices tell them. */
async function train(devices: readonly MeasuringDevice[], run: string): Promise<void> {
  for (const [i, device] of devices.entries()) {
    for (let step = 1; step <= 12; step++) {
      const place = { run, round: step <= 8 ? 1 : 2, step: step <= 8 ? step : step - 8, steps: 8 };
      const loss = 3.2 * 0.93 ** step + 0.1 * Math.sin(step + i);
      await device.measure({ ...place, loss, ...(i === 2 ? {} : { watts: 11 + i + (step % 3) }) });
    }
  }
}

test('the page follows a run in a real browser, by keyboard, in light and dark and on a phone', {
  skip,
}, async (t) => {
  const made = await PageFleet.start(t);
  const { devices, go } = await fleetAtWork(made);
  const browser = await openBrowser(t);
  const { page, complaints } = await openPage(browser, { viewport: { width: 1200, height: 900 } });
  await page.goto(made.url);
  await says(page, '#link', /^Live$/);
  await says(page, '#phase', /^No run yet\. 3 devices ready$/);

  await made.fleet.trigger({ rounds: 4 });
  await says(page, '#phase', /^Round 2 of 4: training \(1 of 3 in\)$/);
  const run = (await page.locator('#run-name').textContent())!;
  await train(devices, run);
  await says(page, '#devices', /step 4 of 8/);
  await says(page, '[data-figure=watts]', /^2\d\.\d$/);
  await says(page, '[data-figure=sensed]', /^of 2 of 3 devices$/);
  await says(page, '#watts output', /^\d\d:\d\d:\d\d: power 2\d\.\d W$/);
  assert.equal(await page.title(), '2/4 · Fleetune');
  assert.equal(await page.locator('#rounds tbody tr').count(), 1);
  assert.match(
    (await page.locator('#loss svg').getAttribute('aria-label'))!,
    /^Loss by round: in round 2: training \d/,
  );
  await picture(page, 'light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, 'phone');
  const overflow = () => page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.ok(Number(await overflow()) <= 0, 'the page is wider than a phone');
  await page.setViewportSize({ width: 1200, height: 900 });

  await byKeyboard(page);
  go();
  await says(page, '#phase', /^Ended$/);
  assert.equal(await page.locator('#rounds tbody tr').count(), 4);
  assert.equal(
    await page.locator('#progress').evaluate((bar) => (bar as unknown as { value: number }).value),
    4,
  );
  await page.waitForTimeout(Number(process.env.LINGER_MS ?? 0));
  await picture(page, 'ended');
  assert.deepEqual(complaints, []);
});

/** Every control in the order of the page, and what it does. */
async function byKeyboard(page: Page): Promise<void> {
  const focused = () =>
    page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent");
  const order = [
    ['To the run', 'Pause', 'Read the loss at a point', 'Read the watts at a point'],
    ['Table of devices', 'Table of rounds'],
  ].flat();
  for (const name of order) {
    await page.keyboard.press('Tab');
    assert.equal(await focused(), name);
  }
  await page.locator('#pause').focus();
  await page.keyboard.press('Enter');
  await says(page, '#link', /^Paused at \d\d:\d\d:\d\d$/);
  await page.keyboard.press('Space');
  await says(page, '#link', /^Live$/);
  await page.locator('#loss input').focus();
  const before = await page.locator('#loss output').textContent();
  await page.keyboard.press('Home');
  await says(page, '#loss output', /^after round 0: held out \d/);
  await page.keyboard.press('End');
  assert.equal(await page.locator('#loss output').textContent(), before);
}

test('nothing that a device sends becomes markup', { skip }, async (t) => {
  const made = await PageFleet.start(t);
  const device = await made.device({ id: 'a', step: 0.1, examples: 4 });
  const presence = { session: Date.now() * 2, online: true, modelSha256: '', trainExamples: 1 };
  const evil = {
    ...presence,
    deviceId: 'a',
    evaluationExamples: 1,
    version: markup.slice(0, 30),
    problem: markup,
  };
  const browser = await openBrowser(t);
  const { page, complaints } = await openPage(browser);
  await page.goto(made.url);
  await device.client.publish(topicsOf(fleet).presence('a'), encode('Presence', evil), { retain: true });
  await device.measure({ watts: 5, source: markup });
  await says(page, '#devices', /takes no task: <img src=x onerror="window\.broken=1"><script>/);
  await says(page, '#devices tbody td:last-child', /^<img src=x/);
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.equal(await page.evaluate('window.broken'), undefined);
  assert.deepEqual(complaints, []);
  const refused = await page.evaluate("try { document.body.innerHTML = 'x'; 'taken' } catch (e) { e.name }");
  assert.equal(refused, 'TypeError');
  assert.match(complaints.join(), /TrustedHTML/);
});

test('it says when nothing is heard, and goes on when the coordinator is back', { skip }, async (t) => {
  const made = await PageFleet.start(t);
  await made.device({ id: 'a', step: 0.1, examples: 4 });
  const { page } = await openPage(await openBrowser(t));
  await page.goto(made.url);
  await says(page, '[data-figure=devices]', /^1 of 1 device ready$/);
  await made.stop();
  await says(page, '#link', /^Not heard since \d\d:\d\d:\d\d, trying again$/);
  await picture(page, 'stale');
  await made.startAgain();
  await says(page, '#link', /^Live$/);
  await says(page, '[data-figure=devices]', /^1 of 1 device ready$/);
});

test('with credentials the browser asks for them, and follows with them', { skip }, async (t) => {
  const made = await PageFleet.start(t, { pageUser: 'ops', pagePassword: 'secret' });
  const browser = await openBrowser(t);
  const { page: stranger } = await openPage(browser);
  assert.equal((await stranger.request.get(made.url)).status(), 401);
  const { page, complaints } = await openPage(browser, {
    httpCredentials: { username: 'ops', password: 'secret' },
  });
  await page.goto(made.url);
  await says(page, '#link', /^Live$/);
  await says(page, '#fleet', /^test$/);
  assert.deepEqual(complaints, []);
});
