// A client that leaves the network keeps what it knows, queues what it writes, and is in step again when it is back.

import assert from 'node:assert/strict';

import {
  collection, deleteDoc, disableNetwork, doc, enableNetwork, getDoc, getDocFromCache, onSnapshot, setDoc, updateDoc,
  writeBatch,
} from 'firebase/firestore';

import { changesOf, Follower, idsOf } from './follower.js';
import { newProject, test, webClient } from './suite.js';

const everything = { includeMetadataChanges: true };

test('what others did meanwhile arrives at once, and only that', async (t) => {
  const { db, other } = clients(t);
  await setAll(other, 'c', 50);
  const follower = new Follower((next, error) => onSnapshot(collection(db, 'c'), next, error));
  await follower.until((snapshot) => snapshot.size === 50);
  await disableNetwork(db);
  await setDoc(doc(other, 'c/new'), { n: 1 });
  await updateDoc(doc(other, 'c/10'), { n: -1 });
  await deleteDoc(doc(other, 'c/20'));
  await deleteDoc(doc(other, 'c/21'));
  const before = follower.snapshots.length;
  await enableNetwork(db);
  const isCurrent = (snapshot) => snapshot.size === 49 && snapshot.docs.some((document) => document.get('n') === -1);
  await follower.until(isCurrent, 'what the others did');
  const heard = follower.snapshots.slice(before).map(changesOf).join(' ').trim().split(/ +/);
  assert.deepEqual(heard.sort(), ['+new', '-20', '-21', '~10']);
});

test('a document that is followed and deleted meanwhile', async (t) => {
  const { db, other } = clients(t);
  await setDoc(doc(other, 'c/d'), { n: 1 });
  const follower = new Follower((next, error) => onSnapshot(doc(db, 'c/d'), next, error));
  await follower.until((snapshot) => snapshot.exists());
  await disableNetwork(db);
  await deleteDoc(doc(other, 'c/d'));
  await enableNetwork(db);
  await follower.until((snapshot) => !snapshot.exists());
});

test('writes wait for the network, in their order', async (t) => {
  const { db, other } = clients(t);
  const follower = new Follower((next, error) => onSnapshot(collection(other, 'c'), next, error));
  await follower.next();
  await disableNetwork(db);
  const writes = Promise.all([
    setDoc(doc(db, 'c/a'), { n: 1 }), setDoc(doc(db, 'c/b'), { n: 2 }), updateDoc(doc(db, 'c/a'), { n: 3 }),
    deleteDoc(doc(db, 'c/b')),
  ]);
  assert.equal((await getDocFromCache(doc(db, 'c/a'))).get('n'), 3);
  assert.equal((await getDoc(doc(other, 'c/a'))).exists(), false);
  await enableNetwork(db);
  await writes;
  const last = await follower.until((snapshot) => idsOf(snapshot) === 'a' && snapshot.docs[0].get('n') === 3);
  assert.equal(last.size, 1);
});

test('a listener says that it only guesses while it is offline', async (t) => {
  const { db } = clients(t);
  await setDoc(doc(db, 'c/d'), { n: 1 });
  const follower = new Follower((next, error) => onSnapshot(doc(db, 'c/d'), everything, next, error));
  await follower.until((snapshot) => !snapshot.metadata.fromCache);
  await disableNetwork(db);
  await follower.until((snapshot) => snapshot.metadata.fromCache);
  await enableNetwork(db);
  await follower.until((snapshot) => !snapshot.metadata.fromCache);
});

test('twenty times away and back', async (t) => {
  const { db, other } = clients(t);
  const follower = new Follower((next, error) => onSnapshot(collection(db, 'c'), next, error));
  await follower.next();
  for (let round = 1; round <= 20; round++) {
    await disableNetwork(db);
    await setDoc(doc(other, `c/${round % 5}`), { round });
    await enableNetwork(db);
    await follower.until((snapshot) => snapshot.docs.some((document) => document.get('round') === round));
  }
});

function clients(t) {
  const project = newProject();
  return { db: webClient(t, project), other: webClient(t, project) };
}

async function setAll(db, name, count) {
  const batch = writeBatch(db);
  for (let number = 0; number < count; number++) batch.set(doc(db, name, String(number)), { n: number });
  await batch.commit();
}
