// `firebase/firestore/lite`: the same database by plain requests, without a stream.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { deleteApp, initializeApp } from 'firebase/app';
import {
  addDoc, collection, collectionGroup, connectFirestoreEmulator, deleteDoc, doc, getAggregate, getCount, getDoc, getDocs,
  getFirestore, increment, limit, orderBy, query, runTransaction, serverTimestamp, setDoc, setLogLevel, startAfter, sum,
  Timestamp, updateDoc, where, writeBatch,
} from 'firebase/firestore/lite';

import { atEnd, host, newProject, port, test } from './suite.js';

setLogLevel('silent');

test('documents are written, read, changed and deleted', async (t) => {
  const db = liteClient(t);
  const awkward = doc(db, 'so!@#/a b%/é😀漢/x');
  await setDoc(awkward, { n: 1, text: 'é😀漢', at: serverTimestamp() });
  await updateDoc(awkward, { n: increment(2), 'map.key': true });
  const { at, ...rest } = (await getDoc(awkward)).data();
  assert.deepEqual(rest, { n: 3, text: 'é😀漢', map: { key: true } });
  assert.ok(at instanceof Timestamp);
  await deleteDoc(awkward);
  assert.equal((await getDoc(awkward)).exists(), false);
  const added = await addDoc(collection(db, 'c'), { n: 1 });
  assert.deepEqual((await getDoc(added)).data(), { n: 1 });
});

test('queries, pages and counts', async (t) => {
  const db = liteClient(t);
  const batch = writeBatch(db);
  for (let n = 0; n < 30; n++) batch.set(doc(db, `c/${n}/sub/x`), { n, even: n % 2 === 0 });
  for (let n = 0; n < 30; n++) batch.set(doc(db, `c/${n}`), { n });
  await batch.commit();
  const byNumber = query(collection(db, 'c'), orderBy('n', 'desc'), limit(10));
  const first = await getDocs(byNumber);
  const second = await getDocs(query(byNumber, startAfter(first.docs.at(-1))));
  assert.deepEqual(second.docs.map((document) => document.get('n')), [19, 18, 17, 16, 15, 14, 13, 12, 11, 10]);
  assert.equal((await getDocs(query(collectionGroup(db, 'sub')))).size, 30);
  assert.equal((await getCount(query(collection(db, 'c'), where('n', '<', 7)))).data().count, 7);
  assert.equal((await getAggregate(collection(db, 'c'), { total: sum('n') })).data().total, 435);
});

test('errors have production\'s codes', async (t) => {
  const db = liteClient(t);
  await assert.rejects(updateDoc(doc(db, 'c/missing'), { n: 1 }), { code: 'not-found' });
  const unindexed = query(collection(db, 'c'), where('a', '==', 1), orderBy('b'));
  await assert.rejects(getDocs(unindexed), { code: 'failed-precondition', message: /requires an index/ });
});

test('transactions of four clients lose nothing', async (t) => {
  const project = newProject();
  const writers = Array.from({ length: 4 }, () => liteClient(t, project));
  await setDoc(doc(writers[0], 'c/counter'), { value: 0 });
  const addOne = (db) =>
    runTransaction(db, async (transaction) => {
      const counter = await transaction.get(doc(db, 'c/counter'));
      transaction.update(counter.ref, { value: counter.get('value') + 1 });
    });
  let again = 0;
  await Promise.all(
    writers.map(async (db) => {
      for (let committed = 0; committed < 10; ) {
        const overtaken = await addOne(db).then(() => false, (error) => codeOfContention(error));
        if (overtaken) again += 1;
        else committed += 1;
      }
    }),
  );
  assert.equal((await getDoc(doc(writers[0], 'c/counter'))).get('value'), 40, `${again} came again`);
});

function codeOfContention(error) {
  if (error.code !== 'failed-precondition' && error.code !== 'aborted') throw error;
  return true;
}

function liteClient(t, project = newProject()) {
  const app = initializeApp({ projectId: project, apiKey: 'any' }, randomBytes(6).toString('hex'));
  const db = getFirestore(app);
  connectFirestoreEmulator(db, host, port);
  atEnd(t, () => deleteApp(app));
  return db;
}
