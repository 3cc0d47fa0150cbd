// `@google-cloud/firestore` writes in bulk, deletes whole trees, runs locking transactions, and speaks REST if asked to.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';

import { FieldValue, Timestamp } from '@google-cloud/firestore';

import { Follower } from './follower.js';
import { newProject, serverClient, test } from './suite.js';

test('a bulk writer writes a thousand documents and tells of the ones that fail', async (t) => {
  const db = serverClient(t, newProject());
  await db.doc('c/7').set({ there: 'before' });
  const writer = db.bulkWriter();
  const failed = [];
  writer.onWriteError((error) => {
    failed.push([error.documentRef.id, error.code]);
    return false;
  });
  const results = [];
  for (let n = 0; n < 1_000; n++) results.push(writer.create(db.doc(`c/${n}`), { n }).catch(() => null));
  await writer.close();
  assert.deepEqual(failed, [['7', 6]]);
  assert.equal((await Promise.all(results)).filter(Boolean).length, 999);
  assert.equal((await db.collection('c').count().get()).data().count, 1_000);
});

test('a tree is deleted with all that lies below, and its neighbours stay', async (t) => {
  const db = serverClient(t, newProject());
  const writer = db.bulkWriter();
  const below = ['c/a', 'c/a/d/b', 'c/a/d/b/e/f', 'c/a/x/missing-parent/y/z'];
  const beside = ['c/a!', 'c/b', 'c/b/d/b', 'a/a/d/b'];
  for (const path of [...below, ...beside]) writer.set(db.doc(path), {});
  for (let n = 0; n < 600; n++) writer.set(db.doc(`c/a/many/${n}`), { n });
  await writer.close();
  await db.recursiveDelete(db.doc('c/a'));
  const left = await db.getAll(...[...below, ...beside].map((path) => db.doc(path)));
  assert.deepEqual(left.filter((snapshot) => snapshot.exists).map((snapshot) => snapshot.ref.path), beside);
  assert.equal((await db.collection('c/a/many').count().get()).data().count, 0);
});

test('locking transactions of eight clients lose nothing', async (t) => {
  const project = newProject();
  const clients = Array.from({ length: 8 }, () => serverClient(t, project));
  await clients[0].doc('c/counter').set({ value: 0 });
  const addTenTimes = async (db) => {
    for (let time = 0; time < 10; time++) {
      await db.runTransaction(async (transaction) => {
        const counter = await transaction.get(db.doc('c/counter'));
        transaction.update(counter.ref, { value: counter.get('value') + 1 });
      }, { maxAttempts: 50 });
    }
  };
  await Promise.all(clients.map(addTenTimes));
  assert.equal((await clients[0].doc('c/counter').get()).get('value'), 80);
});

test('a read-only transaction sees one moment', async (t) => {
  const db = serverClient(t, newProject());
  await db.doc('c/d').set({ n: 1 });
  const { writeTime } = await db.doc('c/e').set({ n: 1 });
  await db.doc('c/d').set({ n: 2 });
  const past = { readOnly: true, readTime: writeTime };
  const seen = await db.runTransaction((transaction) => transaction.getAll(db.doc('c/d'), db.doc('c/e')), past);
  assert.deepEqual(seen.map((snapshot) => snapshot.get('n')), [1, 1]);
});

test('by REST, when it is preferred', async (t) => {
  const project = newProject();
  const db = serverClient(t, project, { preferRest: true, credentials: credentials() });
  const reference = db.doc('c/é😀漢 %');
  const plain = { bytes: Buffer.from([0, 255]), nan: NaN, when: new Timestamp(1, 2_000) };
  await reference.set({ n: 1, at: FieldValue.serverTimestamp(), ...plain });
  await reference.update({ n: FieldValue.increment(41) });
  const { at, ...rest } = (await reference.get()).data();
  assert.deepEqual(rest, { n: 42, ...plain });
  assert.ok(at instanceof Timestamp);
  await Promise.all([1, 2, 3].map((n) => db.doc(`q/${n}`).set({ n })));
  const found = await db.collection('q').where('n', '>', 1).orderBy('n', 'desc').get();
  assert.deepEqual(found.docs.map((document) => document.id), ['3', '2']);
  assert.equal((await db.collection('q').count().get()).data().count, 3);
  assert.deepEqual((await db.listCollections()).map((collection) => collection.id), ['c', 'q']);
  await db.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(db.doc('q/1'));
    transaction.update(snapshot.ref, { n: snapshot.get('n') + 100 });
  });
  assert.equal((await db.doc('q/1').get()).get('n'), 101);
  // Listeners go over gRPC all the same.
  const follower = new Follower((next, error) => db.doc('q/1').onSnapshot(next, error));
  assert.equal((await follower.next()).get('n'), 101);
  follower.stop();
  await assert.rejects(db.doc('q/missing').update({ n: 1 }), /No document to update: .*q\/missing/);
});

/** A service account of nobody. By REST the SDK signs a token with it, which the server has no use for. */
function credentials() {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { client_email: 'nobody@example.com', private_key: privateKey };
}
