// The live page of the examples, in two windows: what one does the other shows.

import assert from 'node:assert/strict';

import { host, newProject, port, test } from '../node/suite.js';
import { openPage, openProfile } from './browser.js';
import { livePage, sdkFile, sdkVersion } from './site.js';

test('two windows stay in step', async (t) => {
  const { left, right } = await twoWindows(t);
  await left.mouse.click(200, 200);
  const ember = await right.locator('.ember').first().elementHandle();
  const place = (window) => window.locator('.ember').evaluate(({ style }) => [style.left, style.top]);
  assert.deepEqual(await place(right), await place(left));
  await right.mouse.move(200, 200);
  await right.mouse.down();
  await right.mouse.move(400, 350, { steps: 20 });
  await right.mouse.up();
  const moved = await inStep(right, ember);
  await left.waitForFunction((place) => {
    const { style } = document.querySelector('.ember');
    return `${style.left} ${style.top}` === place;
  }, moved);
  await left.locator('.ember').dispatchEvent('dblclick');
  await right.waitForFunction(() => document.querySelectorAll('.ember').length === 0);
});

test('a window that has left the network catches up when it comes back', async (t) => {
  const { left, right } = await twoWindows(t);
  await right.locator('#network').click();
  await right.locator('#network', { hasText: 'come back' }).waitFor();
  await right.mouse.click(100, 300);
  await left.mouse.click(300, 300);
  await left.locator('.ember').waitFor();
  assert.equal(await right.locator('.ember.pending').count(), 1);
  await right.locator('#network').click();
  for (const window of [left, right]) {
    await window.waitForFunction(() => document.querySelectorAll('.ember:not(.pending)').length === 2);
    await window.locator('#state', { hasText: '2 embers, in step' }).waitFor();
  }
});

test('the file itself, opened without a web server, with the SDK from the CDN', async (t) => {
  const profile = await openProfile(t);
  // The CDN serves the files of the npm package; this test has it answered from there.
  const cdn = `https://www.gstatic.com/firebasejs/${sdkVersion}/`;
  await profile.route(`${cdn}*`, (route) =>
    route.fulfill({
      path: sdkFile(route.request().url().slice(cdn.length)),
      headers: { 'Access-Control-Allow-Origin': '*' },
    }));
  const window = await profile.newPage();
  await window.goto(`${livePage}?server=${host}:${port}&project=${newProject()}`);
  await window.locator('#state', { hasText: '0 embers, in step' }).waitFor();
  await window.mouse.click(200, 200);
  await window.locator('#state', { hasText: '1 ember, in step' }).waitFor();
});

async function twoWindows(t) {
  const project = newProject();
  const profile = await openProfile(t);
  const path = `/live/?server=${host}:${port}&project=${project}`;
  const [left, right] = [await openPage(profile, path), await openPage(profile, path)];
  for (const window of [left, right]) await window.locator('#state', { hasText: '0 embers, in step' }).waitFor();
  return { left, right };
}

/** Waits until the window has drawn what the server has confirmed, and tells where the ember is. */
async function inStep(window, ember) {
  await window.waitForFunction((ember) => !ember.classList.contains('pending'), ember);
  return ember.evaluate(({ style }) => `${style.left} ${style.top}`);
}
