// `@google-cloud/firestore` opens a stream for each listener and folds its messages by itself.

import assert from 'node:assert/strict';

import { Filter } from '@google-cloud/firestore';

import { Follower, idsOf } from './follower.js';
import { atEnd, newProject, serverClient, test } from './suite.js';

test('a query: each commit is one snapshot with its changes in order', async (t) => {
  const db = serverClient(t, newProject());
  const cities = db.collection('cities');
  await Promise.all([30, 10, 20].map((n) => cities.doc(`n${n}`).set({ n })));
  const follower = follow(t, cities.orderBy('n'));
  assert.equal(idsOf(await follower.next()), 'n10 n20 n30');
  const batch = db.batch();
  batch.set(cities.doc('n15'), { n: 15 }).set(cities.doc('n30'), { n: 5 }).delete(cities.doc('n10'));
  await batch.commit();
  const snapshot = await follower.next();
  assert.equal(idsOf(snapshot), 'n30 n15 n20');
  const changes = snapshot.docChanges().map(({ type, doc, oldIndex, newIndex }) => [type, doc.id, oldIndex, newIndex]);
  // As the SDK applies them, one after the other: deleted, added, modified.
  assert.deepEqual(changes, [['removed', 'n10', 0, -1], ['added', 'n15', -1, 0], ['modified', 'n30', 2, 0]]);
  assert.ok(snapshot.readTime.toMillis() > 0);
});

test('a document: missing, made, changed, deleted', async (t) => {
  const db = serverClient(t, newProject());
  const reference = db.doc('c/d');
  const follower = follow(t, reference);
  assert.equal((await follower.next()).exists, false);
  for (const n of [1, 2]) {
    const { writeTime } = await reference.set({ n });
    const snapshot = await follower.next();
    assert.deepEqual(snapshot.data(), { n });
    assert.ok(snapshot.updateTime.isEqual(writeTime));
  }
  await reference.delete();
  assert.equal((await follower.next()).exists, false);
});

const QUERIES = {
  'limit': { of: (c) => c.orderBy('n').limit(2), begin: '1 2', write: (c) => c.doc('1').delete(), then: '2 3' },
  'limit to last': {
    of: (c) => c.orderBy('n').limitToLast(2), begin: '4 5', write: (c) => c.doc('6').set({ n: 6 }), then: '5 6',
  },
  'either': {
    of: (c) => c.where(Filter.or(Filter.where('n', '==', 1), Filter.where('n', '==', 5))),
    begin: '1 5', write: (c) => c.doc('1').set({ n: 2 }), then: '5',
  },
  'collection group': {
    of: (c) => c.firestore.collectionGroup(c.id), begin: '1 2 3 4 5',
    write: (c) => c.doc('9').collection(c.id).doc('0').set({}), then: '1 2 3 4 5 0',
  },
  'not in': {
    of: (c) => c.where('n', 'not-in', [1, 2]).orderBy('n'), begin: '3 4 5',
    write: (c) => c.doc('2').set({ n: 7 }), then: '3 4 5 2',
  },
  'offset': { of: (c) => c.orderBy('n').offset(1).limit(2), begin: '2 3', write: (c) => c.doc('2').delete(), then: '3 4' },
};

for (const [phenomenon, { of, begin, write, then }] of Object.entries(QUERIES)) {
  test(`a query with ${phenomenon}`, async (t) => {
    const db = serverClient(t, newProject());
    await Promise.all([1, 2, 3, 4, 5].map((n) => db.doc(`c/${n}`).set({ n })));
    const follower = follow(t, of(db.collection('c')));
    assert.equal(idsOf(await follower.next()), begin);
    await write(db.collection('c'));
    assert.equal(idsOf(await follower.next()), then);
  });
}

test('a listener that fails says why, and its neighbours go on', async (t) => {
  const db = serverClient(t, newProject());
  const good = follow(t, db.doc('c/d'));
  await good.next();
  const error = await follow(t, db.collection('c').where('a', '==', 1).orderBy('b')).failure();
  assert.match(error.message, /^Error 9: The query requires an index/);
  await db.doc('c/d').set({ n: 1 });
  assert.equal((await good.next()).get('n'), 1);
});

test('thirty listeners fold up the same while eight clients write', async (t) => {
  const project = newProject();
  const db = serverClient(t, project);
  const c = db.collection('c');
  const followers = [];
  for (let group = 0; group < 10; group++) followers.push(follow(t, c.where('group', '==', group)));
  for (let size = 1; size <= 10; size++) followers.push(follow(t, c.orderBy('n').limit(size)));
  for (let size = 1; size <= 10; size++) followers.push(follow(t, c.orderBy('n', 'desc').limit(size)));
  await Promise.all(followers.map((follower) => follower.next()));
  const writers = Array.from({ length: 8 }, () => serverClient(t, project));
  await Promise.all(writers.map(scribble));
  for (const follower of followers) {
    const wanted = await follower.query.get();
    const isLast = (snapshot) => snapshot === follower.snapshots.at(-1);
    await follower.until((snapshot) => isLast(snapshot) && describe(snapshot) === describe(wanted), describe(wanted));
  }
});

function follow(t, query) {
  const follower = new Follower((next, error) => query.onSnapshot(next, error));
  follower.query = query;
  atEnd(t, () => follower.stop());
  return follower;
}

async function scribble(db, writer) {
  for (let time = 0; time < 25; time++) {
    const n = 1 + ((writer * 31 + time * 17) % 40);
    const reference = db.doc(`c/${n}`);
    if (time % 5 === 4) await reference.delete();
    else await reference.set({ n: n + (time % 3) * 100, group: n % 10, time, writer });
  }
}

function describe(snapshot) {
  return snapshot.docs.map((document) => `${document.id}=${JSON.stringify(document.data())}`).join(' ');
}
