// Documents that vanish while a tab is away are gone from the tab when it is back, however long it was away.

import assert from 'node:assert/strict';

import { host, newProject, port, serverClient, test } from '../node/suite.js';
import { openProfile, openTab } from './browser.js';
import { OwnServer, testWithOwnServer } from '../node/own_server.js';

const DOCUMENTS = 300;

test('a little later', (t) => deletedWhileAway(t, { host, port }, async () => {}));

testWithOwnServer('later than the server remembers', async (t) => {
  const server = await OwnServer.start(t, ['--retention', '1s']);
  await deletedWhileAway(t, server, () => new Promise((resolve) => setTimeout(resolve, 2_500)));
});

testWithOwnServer('after everything was dropped and written anew', async (t) => {
  const server = await OwnServer.start(t);
  const address = `http://${server.host}:${server.port}`;
  await deletedWhileAway(t, server, async (db) => {
    const database = `/emulator/v1/projects/${db.projectId}/databases/(default)/documents`;
    const kept = await db.collection('c').get();
    assert.equal((await fetch(address + database, { method: 'DELETE' })).status, 200);
    const batch = db.batch();
    for (const document of kept.docs) batch.set(document.ref, document.data());
    await batch.commit();
  });
});

test('documents leave a limit while the tab is away', async (t) => {
  const project = newProject();
  const db = serverClient(t, project);
  await Promise.all([1, 2, 3, 4, 5, 6].map((n) => db.doc(`c/${n}`).set({ n })));
  const tab = await openTab(await openProfile(t), project);
  await tab.evaluate(async () => {
    window.follower = follow(query(collection(db, 'c'), orderBy('n'), limit(3)));
    await follower.until((snapshot) => idsOf(snapshot) === '1 2 3');
    await disableNetwork(db);
  });
  await db.doc('c/2').delete();
  await db.doc('c/1').set({ n: 10 });
  await tab.evaluate(async () => {
    await enableNetwork(db);
    await follower.until((snapshot) => idsOf(snapshot) === '3 4 5', 'the next three');
  });
});

/** Half of the documents go, some change, some come, while a tab is away for as long as `meanwhile` takes. */
async function deletedWhileAway(t, server, meanwhile) {
  const project = newProject();
  const db = serverClient(t, project, {}, `${server.host}:${server.port}`);
  const writer = db.bulkWriter();
  for (let n = 0; n < DOCUMENTS; n++) writer.set(db.doc(`c/${n}`), { n, even: n % 2 === 0 });
  await writer.close();
  const options = { host: server.host, port: server.port, cache: 'persistent' };
  const tab = await openTab(await openProfile(t), project, options);
  await tab.evaluate(async (count) => {
    window.all = follow(collection(db, 'c'));
    window.even = follow(query(collection(db, 'c'), where('even', '==', true)));
    await all.until((snapshot) => snapshot.size === count);
    await even.until((snapshot) => snapshot.size === count / 2);
    await disableNetwork(db);
  }, DOCUMENTS);
  const leaving = db.batch();
  for (let n = 0; n < DOCUMENTS; n += 3) leaving.delete(db.doc(`c/${n}`));
  leaving.update(db.doc('c/4'), { even: false });
  leaving.set(db.doc('c/new'), { even: true });
  await leaving.commit();
  await meanwhile(db);
  const wanted = (await db.collection('c').get()).docs.map((one) => [one.id, one.get('even')]);
  const ids = (rows) => rows.map(([id]) => id).join(' ');
  const expected = [ids(wanted), ids(wanted.filter(([, even]) => even))];
  await tab.evaluate(async ([all, even]) => {
    await enableNetwork(db);
    await window.all.until((snapshot) => idsOf(snapshot) === all, 'all documents to be in step');
    await window.even.until((snapshot) => idsOf(snapshot) === even, 'the even ones to be in step');
  }, expected);
  // And it goes on from there.
  await db.doc('c/later').set({ even: true });
  await tab.evaluate(() => even.until((snapshot) => idsOf(snapshot).includes('later')).then(() => {}));
}
