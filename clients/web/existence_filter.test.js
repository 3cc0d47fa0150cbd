// A tab whose documents are not the server's is told so by a count and a bloom filter, and the SDK believes both.
//
// The server's answers to a resumed target are exact, so a tab cannot miss anything by itself. Here a proxy gives the
// tab a newer resume token than its own: it never hears what happened in between, and only the filter can tell.

import assert from 'node:assert/strict';

import { serverClient } from '../node/suite.js';
import { openProfile, openTab } from './browser.js';
import { OwnServer, testWithOwnServer } from '../node/own_server.js';
import { ReverseProxy } from './reverse_proxy.js';

const DOCUMENTS = 300;

// Names decide which documents a bloom filter cannot tell from others. So projects and ids are always the same, and a
// server of the test's own keeps them apart from other tests.
testWithOwnServer('documents that vanished unheard are found by the bloom filter', async (t) => {
  const targets = await missedCommit(t, { deleted: ['7', '77', '177'], made: [] });
  // The SDK asks for each document by name before it believes that it is gone.
  const limbo = ['new', 'limbo-document'];
  assert.deepEqual(targets, [['resumed', undefined], limbo, limbo, limbo]);
});

testWithOwnServer('where the bloom filter does not explain the count, the SDK asks for everything', async (t) => {
  const targets = await missedCommit(t, { deleted: ['7', '77', '177'], made: ['new'] });
  const ofQuery = targets.filter(([, label]) => label !== 'limbo-document');
  assert.deepEqual(ofQuery, [['resumed', undefined], ['new', 'existence-filter-mismatch-bloom']]);
});

/**
 * Makes a commit that a tab does not hear of, and waits until it knows all the same.
 *
 * Returns the targets that the tab added after it came back: new or resumed, and the reason that the SDK gives.
 */
async function missedCommit(t, { deleted, made }) {
  const server = await OwnServer.start(t);
  const proxy = await ReverseProxy.start(t, server);
  const project = 'existence-filter';
  const db = serverClient(t, project, {}, `${server.host}:${server.port}`);
  const writer = db.bulkWriter();
  for (let n = 0; n < DOCUMENTS; n++) writer.set(db.doc(`c/${n}`), { n });
  await writer.close();
  const tab = await openTab(await openProfile(t), project, { host: proxy.host, port: proxy.port });
  await tab.evaluate(async (count) => {
    window.follower = follow(collection(db, 'c'));
    await follower.until((snapshot) => snapshot.size === count);
    await disableNetwork(db);
  }, DOCUMENTS);
  const batch = db.batch();
  for (const id of deleted) batch.delete(db.doc(`c/${id}`));
  for (const id of made) batch.set(db.doc(`c/${id}`), {});
  const [{ writeTime }] = await batch.commit();
  const targets = [];
  proxy.rewrite = (message) => {
    if (message.addTarget) targets.push(targetOf(message));
    if (message.addTarget?.resumeToken) message.addTarget.resumeToken = resumeToken(writeTime);
  };
  await tab.evaluate(async ({ size, deleted, made }) => {
    await enableNetwork(db);
    const isInStep = (ids) => deleted.every((id) => !ids.includes(id)) && made.every((id) => ids.includes(id));
    await follower.until((snapshot) => snapshot.size === size && isInStep(snapshot.docs.map((one) => one.id)), 'the rest');
  }, { size: DOCUMENTS - deleted.length + made.length, deleted, made });
  return targets;
}

function targetOf({ addTarget, labels }) {
  return [addTarget.resumeToken ? 'resumed' : 'new', labels?.['goog-listen-tags']];
}

/** The token of a moment, in production's form: a message with a message with the microseconds. */
function resumeToken(timestamp) {
  let micros = BigInt(timestamp.seconds) * 1_000_000n + BigInt(Math.floor(timestamp.nanoseconds / 1_000));
  const bytes = [8];
  for (; micros >= 128n; micros >>= 7n) bytes.push(Number(micros & 127n) | 128);
  bytes.push(Number(micros));
  return Buffer.from([10, bytes.length, ...bytes]).toString('base64');
}
