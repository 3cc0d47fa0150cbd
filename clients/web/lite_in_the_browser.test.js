// `firebase/firestore/lite` in a browser: every call is a request to another origin.

import assert from 'node:assert/strict';

import { newProject, test } from '../node/suite.js';
import { openProfile, openTab } from './browser.js';

test('documents, queries, counts and a transaction', async (t) => {
  const tab = await openTab(await openProfile(t), newProject(), { client: 'lite_client' });
  const result = await tab.evaluate(async () => {
    const awkward = doc(db, 'so!@#/a b%/é😀漢/x');
    await setDoc(awkward, { n: 1, text: 'é😀漢', at: serverTimestamp() });
    await updateDoc(awkward, { n: increment(2) });
    const { n, text, at } = (await getDoc(awkward)).data();
    const batch = writeBatch(db);
    for (let number = 0; number < 20; number++) batch.set(doc(db, `c/${number}`), { number });
    await batch.commit();
    const last = await getDocs(query(collection(db, 'c'), orderBy('number', 'desc'), limit(3)));
    const small = await getCount(query(collection(db, 'c'), where('number', '<', 7)));
    await runTransaction(db, async (transaction) => {
      const first = await transaction.get(doc(db, 'c/0'));
      transaction.update(first.ref, { number: first.get('number') + 100 });
    });
    const after = (await getDoc(doc(db, 'c/0'))).get('number');
    await deleteDoc(awkward);
    const gone = !(await getDoc(awkward)).exists();
    const ids = last.docs.map((one) => one.id);
    return { n, text, isTime: at instanceof Timestamp, ids, small: small.data().count, after, gone };
  });
  const expected = { n: 3, text: 'é😀漢', isTime: true, ids: ['19', '18', '17'], small: 7, after: 100, gone: true };
  assert.deepEqual(result, expected);
});

test('errors are readable across origins', async (t) => {
  const tab = await openTab(await openProfile(t), newProject(), { client: 'lite_client' });
  const codes = await tab.evaluate(async () => {
    const codeOf = (promise) => promise.then(() => 'none', (error) => error.code);
    const unindexed = query(collection(db, 'c'), where('a', '==', 1), orderBy('b'));
    return [await codeOf(updateDoc(doc(db, 'c/missing'), { n: 1 })), await codeOf(getDocs(unindexed))];
  });
  assert.deepEqual(codes, ['not-found', 'failed-precondition']);
});
