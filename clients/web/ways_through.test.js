// The channel finds a way: by long polling, through a proxy that streams, through one that buffers, over cut connections.

import assert from 'node:assert/strict';

import { host, newProject, port, serverClient, test } from '../node/suite.js';
import { openProfile, openTab } from './browser.js';
import { ReverseProxy } from './reverse_proxy.js';

const server = { host, port };

test('long polling, when it is forced', async (t) => {
  const proxy = await ReverseProxy.start(t, server);
  const { tab, db } = await followingTab(t, proxy, { experimentalForceLongPolling: true });
  await roundTrips(tab, db);
  assert.ok(proxy.backChannels.every((immediate) => immediate === '1'), proxy.backChannels.join());
});

test('through a proxy that streams', async (t) => {
  const proxy = await ReverseProxy.start(t, server);
  const { tab, db } = await followingTab(t, proxy);
  await roundTrips(tab, db);
  assert.ok(proxy.backChannels.includes('0'), 'the browser streams when it can');
});

test('through a proxy that passes on only whole answers, by long polling', async (t) => {
  const proxy = await ReverseProxy.start(t, server, { buffering: true });
  const { tab, db } = await followingTab(t, proxy, { experimentalForceLongPolling: true });
  await roundTrips(tab, db);
});

test('through a proxy that passes on only whole answers, found out by itself', async (t) => {
  const proxy = await ReverseProxy.start(t, server, { buffering: true });
  const { tab, db } = await followingTab(t, proxy);
  await roundTrips(tab, db);
  assert.ok(proxy.backChannels.includes('1'), 'the browser has gone over to long polling');
});

test('a resumed listener is sent what has changed and not everything', async (t) => {
  const proxy = await ReverseProxy.start(t, server);
  const project = newProject();
  const db = serverClient(t, project);
  const writer = db.bulkWriter();
  for (let n = 0; n < 500; n++) writer.set(db.doc(`c/${n}`), { n, text: 'x'.repeat(1_000) });
  await writer.close();
  const tab = await openTab(await openProfile(t), project, { host: proxy.host, port: proxy.port });
  await tab.evaluate(async () => {
    window.follower = follow(collection(db, 'c'));
    await follower.until((snapshot) => snapshot.size === 500);
    await disableNetwork(db);
  });
  const whole = proxy.carried;
  assert.ok(whole > 500_000, `${whole} bytes for everything`);
  await db.doc('c/7').delete();
  await db.doc('c/8').update({ n: -8 });
  const changes = await tab.evaluate(async () => {
    const before = follower.snapshots.length;
    await enableNetwork(db);
    await follower.until((snapshot) => snapshot.size === 499 && snapshot.docs.some((one) => one.get('n') === -8));
    return follower.snapshots.slice(before).map(changesOf).join(' ').trim().split(/ +/).sort();
  });
  assert.deepEqual(changes, ['-7', '~8']);
  const resumed = proxy.carried - whole;
  assert.ok(resumed < 20_000, `${resumed} bytes to resume, ${whole} for everything`);
});

test('connections that break while others write lose nothing', async (t) => {
  const proxy = await ReverseProxy.start(t, server);
  const { tab, db } = await followingTab(t, proxy);
  await tab.evaluate(async () => {
    const c = collection(db, 'c');
    window.followers = [query(c, orderBy('n'), limit(5)), query(c, where('even', '==', true)), c].map((one) => follow(one));
    await Promise.all(followers.map((follower) => follower.next()));
  });
  const c = db.collection('c');
  for (let round = 0; round < 5; round++) {
    const writes = [];
    for (let time = 0; time < 30; time++) {
      const n = (round * 7 + time * 11) % 40;
      const text = 'x'.repeat(5_000);
      writes.push(time % 4 === 3 ? c.doc(`${n}`).delete() : c.doc(`${n}`).set({ n, even: n % 2 === 0, round, time, text }));
      if (time === 15) proxy.cut();
    }
    await Promise.all(writes);
    proxy.mend();
  }
  const queries = [c.orderBy('n').limit(5), c.where('even', '==', true), c];
  const wanted = await Promise.all(queries.map(async (query) => told(await query.get())));
  await tab.evaluate(async (wanted) => {
    const told = (snapshot) => snapshot.docs.map((one) => [one.id, one.get('round'), one.get('time')].join()).join(' ');
    for (const [index, follower] of followers.entries()) {
      await follower.until((snapshot) => told(snapshot) === wanted[index], wanted[index]);
    }
  }, wanted);
});

function told(snapshot) {
  return snapshot.docs.map((one) => [one.id, one.get('round'), one.get('time')].join()).join(' ');
}

async function followingTab(t, proxy, settings = {}) {
  const project = newProject();
  const db = serverClient(t, project);
  const { host, port } = proxy;
  const tab = await openTab(await openProfile(t), project, { host, port, settings });
  await tab.evaluate(async () => {
    window.follower = follow(collection(db, 'c'), { includeMetadataChanges: true });
    await follower.until((snapshot) => !snapshot.metadata.fromCache);
  });
  return { tab, db };
}

/** Others' writes reach the tab, and the tab's writes reach the others. */
async function roundTrips(tab, db) {
  for (let n = 1; n <= 5; n++) {
    await db.doc('c/n').set({ n });
    await reached(tab, n);
    await tab.evaluate((n) => setDoc(doc(db, 'answers/n'), { n }), n);
    assert.equal((await db.doc('answers/n').get()).get('n'), n);
  }
}

function reached(tab, n) {
  return tab.evaluate((n) => follower.until((snapshot) => snapshot.docs[0]?.get('n') === n).then(() => {}), n);
}
