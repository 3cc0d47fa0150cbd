// The web SDK's transactions read without locks and commit with preconditions; the SDK tries again, five times in all.

import assert from 'node:assert/strict';

import { deleteDoc, doc, getDoc, runTransaction, setDoc, updateDoc } from 'firebase/firestore';

import { newProject, test, webClient } from './suite.js';

test('nothing is lost between eight writers of one counter', async (t) => {
  const project = newProject();
  const writers = Array.from({ length: 8 }, () => webClient(t, project));
  await setDoc(doc(writers[0], 'counters/one'), { value: 0 });
  const addTenTimes = async (db) => {
    for (let time = 0; time < 10; time++) await untilCommitted(() => addOne(db));
  };
  await Promise.all(writers.map(addTenTimes));
  assert.equal((await getDoc(doc(writers[0], 'counters/one'))).get('value'), 80);
});

const INTERFERENCES = {
  'changes': { before: { n: 0 }, meanwhile: (document) => setDoc(document, { n: 1 }) },
  'deletes': { before: { n: 0 }, meanwhile: (document) => deleteDoc(document) },
  'makes': { before: null, meanwhile: (document) => setDoc(document, { n: 1 }) },
};

for (const [verb, { before, meanwhile }] of Object.entries(INTERFERENCES)) {
  test(`a transaction starts over when somebody ${verb} what it has read`, async (t) => {
    const { db, other } = clients(t);
    if (before) await setDoc(doc(db, 'c/d'), before);
    let tries = 0;
    await runTransaction(db, async (transaction) => {
      const snapshot = await transaction.get(doc(db, 'c/d'));
      tries += 1;
      if (tries === 1) await meanwhile(doc(other, 'c/d'));
      transaction.set(doc(db, 'c/d'), { saw: snapshot.exists() ? snapshot.data() : 'nothing' });
    });
    assert.equal(tries, 2);
    const expected = { changes: { n: 1 }, deletes: 'nothing', makes: { n: 1 } }[verb];
    assert.deepEqual((await getDoc(doc(other, 'c/d'))).data(), { saw: expected });
  });
}

test('a transaction that never gets through fails after five attempts', async (t) => {
  const { db, other } = clients(t);
  await setDoc(doc(other, 'c/d'), { attempts: 0 });
  let attempts = 0;
  const unlucky = runTransaction(db, async (transaction) => {
    await transaction.get(doc(db, 'c/d'));
    attempts += 1;
    await setDoc(doc(other, 'c/d'), { attempts });
    transaction.update(doc(db, 'c/d'), { mine: true });
  });
  await assert.rejects(unlucky, { code: 'failed-precondition' });
  assert.equal(attempts, 5);
  assert.deepEqual((await getDoc(doc(db, 'c/d'))).data(), { attempts: 5 });
});

test('a transaction whose function throws writes nothing', async (t) => {
  const { db } = clients(t);
  const failing = runTransaction(db, async (transaction) => {
    transaction.set(doc(db, 'c/d'), {});
    throw new Error('changed my mind');
  });
  await assert.rejects(failing, /changed my mind/);
  assert.equal((await getDoc(doc(db, 'c/d'))).exists(), false);
});

test('an update of a document that is not there is refused and not tried again', async (t) => {
  const { db } = clients(t);
  await assert.rejects(updateDoc(doc(db, 'c/missing'), { n: 1 }), { code: 'not-found' });
});

function clients(t) {
  const project = newProject();
  return { db: webClient(t, project), other: webClient(t, project) };
}

function addOne(db) {
  return runTransaction(db, async (transaction) => {
    const counter = doc(db, 'counters/one');
    const snapshot = await transaction.get(counter);
    transaction.update(counter, { value: snapshot.get('value') + 1 });
  });
}

/** Under contention, five attempts that were all overtaken are bad luck and no failure: the caller comes again. */
async function untilCommitted(attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error.code !== 'failed-precondition' && error.code !== 'aborted') throw error;
    }
  }
}
