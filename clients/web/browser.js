// Headless Chromium for the tests of one file: profiles, and tabs in them that have a database open.

import { after } from 'node:test';
import { chromium } from 'playwright-core';

import { atEnd, host, port } from '../node/suite.js';
import { startSite } from './site.js';

const program = process.env.IRORI_CHROMIUM;
if (!program) throw new Error('IRORI_CHROMIUM must name the program of Chromium');

let running = null;

/** The browser and the site, started when the first test wants them. */
function start() {
  running ??= (async () => {
    // Containers have neither the privileges that the sandbox needs nor much shared memory.
    const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
    const [browser, site] = await Promise.all([chromium.launch({ executablePath: program, args }), startSite()]);
    return { browser, site };
  })();
  return running;
}

after(async () => {
  if (!running) return;
  const { browser, site } = await running;
  await browser.close();
  site.server.closeAllConnections?.();
  site.server.close();
});

/** A profile of its own: its tabs share storage and connections with each other and with no other profile. */
export async function openProfile(t) {
  const { browser } = await start();
  const profile = await browser.newContext();
  atEnd(t, () => profile.close());
  return profile;
}

/**
 * A tab with a database open: `db` and every function of the SDK are in its global scope.
 *
 * `client` names the program of the tab; the rest are the client's own options.
 */
export async function openTab(profile, project, { client = 'client', ...options } = {}) {
  const tab = await openPage(profile, '/');
  const settings = { project, host, port, ...options };
  await tab.evaluate(async ([client, settings]) => (await import(`/page/${client}.js`)).open(settings), [client, settings]);
  return tab;
}

/** A tab at a path of the site. */
export async function openPage(profile, path) {
  const { site } = await start();
  const tab = await profile.newPage();
  tab.setDefaultTimeout(30_000);
  await tab.goto(site.address + path);
  return tab;
}
