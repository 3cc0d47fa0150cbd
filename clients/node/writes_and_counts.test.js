// What the web SDK writes over its write stream arrives as it was meant, and is counted.

import assert from 'node:assert/strict';

import {
  arrayRemove, arrayUnion, average, Bytes, collection, count, deleteField, doc, GeoPoint, getAggregateFromServer,
  getCountFromServer, getDoc, getDocs, increment, onSnapshot, query, serverTimestamp, setDoc, sum, Timestamp, updateDoc,
  vector, waitForPendingWrites, where, writeBatch,
} from 'firebase/firestore';

import { Follower } from './follower.js';
import { newProject, test, webClient } from './suite.js';

test('a value of every type comes back equal', async (t) => {
  const { db, other } = clients(t);
  const data = {
    null: null, true: true, integer: 42, negative: -1, big: Number.MAX_SAFE_INTEGER, double: 0.1, minusZero: -0,
    infinite: -Infinity, text: 'é😀漢\u0000', empty: '', at: new Timestamp(1_700_000_000, 123_456_000),
    bytes: Bytes.fromUint8Array(new Uint8Array([0, 255, 128])), place: new GeoPoint(35.6, -139.7),
    array: [1, null, { a: [] }], map: { 'a.b': { '`': 1 } }, vector: vector([1, 2.5]), ref: doc(db, 'other/é😀'),
  };
  await setDoc(doc(db, 'c/d'), { ...data, nan: NaN });
  const { nan, ref, bytes, at, place, vector: embedding, ...rest } = (await getDoc(doc(other, 'c/d'))).data();
  const { ref: _, bytes: __, at: ___, place: ____, vector: _____, ...plain } = data;
  assert.deepEqual(rest, plain);
  assert.ok(Number.isNaN(nan));
  assert.equal(ref.path, 'other/é😀');
  assert.ok(bytes.isEqual(data.bytes) && at.isEqual(data.at) && place.isEqual(data.place));
  assert.ok(embedding.isEqual(data.vector));
});

test('a batch is all or nothing', async (t) => {
  const { db, other } = clients(t);
  const batch = writeBatch(db);
  batch.set(doc(db, 'c/new'), { n: 1 });
  batch.update(doc(db, 'c/missing'), { n: 1 });
  await assert.rejects(batch.commit(), { code: 'not-found' });
  assert.equal((await getDoc(doc(other, 'c/new'))).exists(), false);
});

test('transforms work on what is there when the write arrives', async (t) => {
  const { db, other } = clients(t);
  const thing = doc(db, 'c/d');
  const before = Date.now();
  await setDoc(thing, { n: 1, tags: ['a', 'b'], gone: true });
  await updateDoc(doc(other, 'c/d'), { n: 10, tags: ['b', 'c'] });
  await updateDoc(thing, {
    n: increment(5), double: increment(0.5), tags: arrayUnion('d'), gone: deleteField(), at: serverTimestamp(),
  });
  await updateDoc(thing, { tags: arrayRemove('b') });
  const { at, ...rest } = (await getDoc(doc(other, 'c/d'))).data();
  assert.deepEqual(rest, { n: 15, double: 0.5, tags: ['c', 'd'] });
  assert.ok(Math.abs(at.toMillis() - before) < 60_000);
});

test('one\'s own write is seen at once, and then confirmed with the server\'s time', async (t) => {
  const { db } = clients(t);
  const everything = { includeMetadataChanges: true };
  const follower = new Follower((next, error) => onSnapshot(doc(db, 'c/d'), everything, next, error));
  await follower.until((snapshot) => !snapshot.metadata.fromCache);
  const written = setDoc(doc(db, 'c/d'), { at: serverTimestamp() });
  const guessed = await follower.until((snapshot) => snapshot.exists());
  assert.deepEqual([guessed.metadata.hasPendingWrites, guessed.get('at')], [true, null]);
  const confirmed = await follower.until((snapshot) => !snapshot.metadata.hasPendingWrites);
  await written;
  assert.ok(confirmed.get('at') instanceof Timestamp);
});

test('three hundred writes without waiting arrive in their order', async (t) => {
  const { db, other } = clients(t);
  const writes = [];
  for (let number = 1; number <= 300; number++) {
    writes.push(setDoc(doc(db, `c/${number % 7}`), { number }));
    if (number % 3 === 0) writes.push(setDoc(doc(db, 'c/log'), { numbers: arrayUnion(number) }, { merge: true }));
  }
  await waitForPendingWrites(db);
  await Promise.all(writes);
  const last = await getDocs(query(collection(other, 'c'), where('number', '>', 293)));
  assert.equal(last.size, 7);
  const log = (await getDoc(doc(other, 'c/log'))).get('numbers');
  assert.deepEqual(log, Array.from({ length: 100 }, (_, index) => 3 * (index + 1)));
});

test('counts, sums and averages come from the server', async (t) => {
  const { db, other } = clients(t);
  await Promise.all([1, 2, 3, 4].map((n) => setDoc(doc(db, `c/${n}`), { n, even: n % 2 === 0 })));
  const even = query(collection(other, 'c'), where('even', '==', true));
  assert.equal((await getCountFromServer(collection(other, 'c'))).data().count, 4);
  assert.equal((await getCountFromServer(even)).data().count, 2);
  const wanted = { documents: count(), total: sum('n'), mean: average('n') };
  const result = await getAggregateFromServer(collection(other, 'c'), wanted);
  assert.deepEqual(result.data(), { documents: 4, total: 10, mean: 2.5 });
});

function clients(t) {
  const project = newProject();
  return { db: webClient(t, project), other: webClient(t, project) };
}
