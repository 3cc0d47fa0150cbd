// What a tab has seen it keeps in the browser's storage: after a reload it shows that, and then only what has changed.

import assert from 'node:assert/strict';

import { host, newProject, port, serverClient, test } from '../node/suite.js';
import { openProfile, openTab } from './browser.js';
import { OwnServer, testWithOwnServer } from '../node/own_server.js';
import { ReverseProxy } from './reverse_proxy.js';

test('a tab that is opened again shows its cache first, then resumes', async (t) => {
  const { proxy, project, db, profile } = await cachedTab(t, { host, port });
  const whole = proxy.carried;
  await db.doc('c/new').set({ n: -1 });
  await db.doc('c/7').delete();
  const tab = await openCached(profile, project, proxy);
  const [first, last] = await tab.evaluate(async () => {
    window.follower = follow(collection(db, 'c'), { includeMetadataChanges: true });
    const first = await follower.next();
    const last = await follower.until((snapshot) => !snapshot.metadata.fromCache);
    const tell = (snapshot) => [snapshot.metadata.fromCache, snapshot.size, snapshot.docs.map((one) => one.id)];
    return [tell(first), tell(last)];
  });
  assert.deepEqual(first.slice(0, 2), [true, 200]);
  assert.deepEqual(last.slice(0, 2), [false, 200]);
  assert.ok(last[2].includes('new') && !last[2].includes('7'));
  const resumed = proxy.carried - whole;
  assert.ok(resumed < whole / 5, `${resumed} bytes to resume, ${whole} for everything`);
});

test('a tab without a server shows its cache and keeps its writes until there is one', async (t) => {
  const { proxy, project, db, profile } = await cachedTab(t, { host, port });
  proxy.cut();
  const offline = await openCached(profile, project, proxy);
  const seen = await offline.evaluate(async () => {
    await disableNetwork(db);
    setDoc(doc(db, 'c/mine'), { n: 1, at: serverTimestamp() });
    updateDoc(doc(db, 'c/0'), { n: increment(100) });
    const snapshot = await getDocsFromCache(collection(db, 'c'));
    return [snapshot.size, snapshot.docs.find((one) => one.id === '0').get('n')];
  });
  assert.deepEqual(seen, [201, 100]);
  await offline.close();
  await db.doc('c/0').update({ n: 1_000 });
  proxy.mend();
  const online = await openCached(profile, project, proxy);
  await online.evaluate(() => waitForPendingWrites(db));
  assert.equal((await db.doc('c/0').get()).get('n'), 1_100);
  assert.ok((await db.doc('c/mine').get()).get('at').toMillis() > 0);
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
  testWithOwnServer(`a server that is started again after ${signal} on the same data is resumed`, async (t) => {
    const server = await OwnServer.start(t);
    const { project, tab, proxy } = await cachedTab(t, server, { keep: true });
    const whole = proxy.carried;
    await server.stop(signal);
    await tab.evaluate(() => {
      window.before = follower.snapshots.length;
      window.written = setDoc(doc(db, 'c/offline'), { n: 1 });
    });
    await server.run();
    const outsider = await openTab(await openProfile(t), project, { host: server.host, port: server.port });
    await outsider.evaluate(() => deleteDoc(doc(db, 'c/7')));
    const changes = await tab.evaluate(async () => {
      await disableNetwork(db);
      await enableNetwork(db);
      await written;
      const isBack = (snapshot) =>
        !snapshot.metadata.fromCache && !snapshot.metadata.hasPendingWrites && snapshot.size === 200 &&
        !snapshot.docs.some((one) => one.id === '7');
      await follower.until(isBack, 'the tab to be in step again');
      return follower.snapshots.slice(before).map(changesOf).join(' ').trim().split(/ +/).sort();
    });
    assert.deepEqual(changes.filter((change) => change !== '~offline'), ['+offline', '-7']);
    const resumed = proxy.carried - whole;
    assert.ok(resumed < whole / 5, `${resumed} bytes to resume, ${whole} for everything`);
    assert.equal(await outsider.evaluate(async () => (await getDoc(doc(db, 'c/offline'))).get('n')), 1);
  });
}

testWithOwnServer('a tab finds a server that was started again by itself', async (t) => {
  const server = await OwnServer.start(t);
  const project = newProject();
  const { host, port } = server;
  const tab = await openTab(await openProfile(t), project, { host, port });
  await tab.evaluate(async () => {
    window.follower = follow(doc(db, 'c/d'));
    await follower.next();
  });
  await server.stop();
  await server.run();
  const outsider = await openTab(await openProfile(t), project, { host, port });
  await outsider.evaluate(() => setDoc(doc(db, 'c/d'), { n: 1 }));
  await tab.evaluate(() => follower.until((snapshot) => snapshot.data()?.n === 1).then(() => {}));
});

test('two tabs share one cache and one stream, and see each other\'s writes before the server does', async (t) => {
  const project = newProject();
  const profile = await openProfile(t);
  const options = { cache: 'persistent, many tabs' };
  const tabs = [await openTab(profile, project, options), await openTab(profile, project, options)];
  for (const tab of tabs) {
    await tab.evaluate(async () => {
      window.follower = follow(collection(db, 'c'));
      await follower.next();
    });
  }
  await tabs[0].evaluate(() => disableNetwork(db));
  await tabs[1].evaluate(() => disableNetwork(db));
  await tabs[0].evaluate(() => void setDoc(doc(db, 'c/d'), { n: 1 }));
  await tabs[1].evaluate(() => follower.until((snapshot) => snapshot.size === 1).then(() => {}));
  await tabs[0].evaluate(() => enableNetwork(db));
  await tabs[1].evaluate(() => enableNetwork(db));
  const db = serverClient(t, project);
  await tabs[0].evaluate(() => waitForPendingWrites(db));
  assert.deepEqual((await db.doc('c/d').get()).data(), { n: 1 });
});

/** A tab with a persistent cache that has followed 200 documents through a proxy; closed unless it is to be kept. */
async function cachedTab(t, server, { keep = false } = {}) {
  const proxy = await ReverseProxy.start(t, server);
  const project = newProject();
  const db = serverClient(t, project, {}, `${server.host}:${server.port}`);
  const batch = db.batch();
  for (let n = 0; n < 200; n++) batch.set(db.doc(`c/${n}`), { n, text: 'x'.repeat(500) });
  await batch.commit();
  const profile = await openProfile(t);
  const tab = await openCached(profile, project, proxy);
  await tab.evaluate(async () => {
    window.follower = follow(collection(db, 'c'), { includeMetadataChanges: true });
    await follower.until((snapshot) => snapshot.size === 200 && !snapshot.metadata.fromCache);
  });
  // Leaving properly writes what is still to be written into the storage.
  if (!keep) await tab.evaluate(() => terminate(db)).then(() => tab.close());
  return { proxy, project, db, profile, tab };
}

function openCached(profile, project, { host, port }) {
  return openTab(profile, project, { host, port, cache: 'persistent' });
}
