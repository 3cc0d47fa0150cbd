// One client follows many things at once over one stream: each listener hears of its own, in step with the others.

import assert from 'node:assert/strict';

import { collection, doc, onSnapshot, query, setDoc, updateDoc, where, writeBatch } from 'firebase/firestore';

import { changesOf, Follower } from './follower.js';
import { newProject, test, webClient } from './suite.js';

const TARGETS = 100;

test('a hundred equality queries: a write is heard by the one that it concerns', async (t) => {
  const { reader, writer } = clients(t);
  const followers = [];
  for (let room = 0; room < TARGETS; room++) {
    const messages = query(collection(reader, 'messages'), where('room', '==', room));
    followers.push(new Follower((next, error) => onSnapshot(messages, next, error)));
  }
  await Promise.all(followers.map((follower) => follower.next()));
  for (const room of [0, 7, 99]) {
    await setDoc(doc(writer, `messages/m${room}`), { room });
    assert.equal(changesOf(await followers[room].next()), `+m${room}`);
  }
  await updateDoc(doc(writer, 'messages/m7'), { room: 8 });
  assert.equal(changesOf(await followers[7].next()), '-m7');
  assert.equal(changesOf(await followers[8].next()), '+m7');
  const heard = followers.map((follower) => follower.snapshots.length - 1);
  const expected = Array.from({ length: TARGETS }, (_, room) => ({ 0: 1, 7: 2, 8: 1, 99: 1 })[room] ?? 0);
  assert.deepEqual(heard, expected);
});

test('listeners come and go while others stay', async (t) => {
  const { reader, writer } = clients(t);
  const documents = Array.from({ length: 40 }, (_, number) => `things/${number}`);
  const follow = (path) => new Follower((next, error) => onSnapshot(doc(reader, path), next, error));
  const followers = documents.map(follow);
  await Promise.all(followers.map((follower) => follower.next()));
  followers.filter((_, number) => number % 2).forEach((follower) => follower.stop());
  const all = writeBatch(writer);
  for (const path of documents) all.set(doc(writer, path), { round: 1 });
  await all.commit();
  const staying = followers.filter((_, number) => number % 2 === 0);
  for (const follower of staying) assert.deepEqual((await follower.next()).data(), { round: 1 });
  const again = documents.filter((_, number) => number % 2).map(follow);
  for (const follower of again) await follower.until((snapshot) => snapshot.data()?.round === 1);
  const left = followers.filter((_, number) => number % 2);
  assert.deepEqual(left.map((follower) => follower.snapshots.length), left.map(() => 1));
});

test('a transfer between two documents is never seen half done', async (t) => {
  const { reader, writer } = clients(t);
  const accounts = collection(reader, 'accounts');
  await Promise.all(['a', 'b'].map((id) => setDoc(doc(writer, 'accounts', id), { balance: 100 })));
  const all = new Follower((next, error) => onSnapshot(accounts, next, error));
  await all.until((snapshot) => snapshot.size === 2);
  for (let amount = 1; amount <= 20; amount++) {
    const transfer = writeBatch(writer);
    transfer.set(doc(writer, 'accounts/a'), { balance: 100 - amount });
    transfer.set(doc(writer, 'accounts/b'), { balance: 100 + amount });
    await transfer.commit();
  }
  await all.until((snapshot) => snapshot.docs[0].get('balance') === 80);
  for (const snapshot of all.snapshots) {
    assert.equal(snapshot.docs.reduce((sum, account) => sum + account.get('balance'), 0), 200);
  }
});

function clients(t) {
  const project = newProject();
  return { reader: webClient(t, project), writer: webClient(t, project) };
}
