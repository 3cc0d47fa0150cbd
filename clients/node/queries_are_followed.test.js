// A listener's snapshots are the query's result after each commit that touched it, and name exactly what changed.

import assert from 'node:assert/strict';

import {
  and, collection, collectionGroup, deleteDoc, doc, documentId, endBefore, limit, limitToLast, onSnapshot, or, orderBy,
  query, setDoc, startAt, updateDoc, where, writeBatch,
} from 'firebase/firestore';

import { changesOf, Follower, idsOf } from './follower.js';
import { newProject, test, webClient } from './suite.js';

const CITIES = {
  beijing: { country: 'china', population: 21_500, capital: true, tags: ['north', 'old'] },
  dc: { country: 'usa', population: 680, capital: true, tags: ['east'] },
  la: { country: 'usa', population: 3_900, capital: false, tags: ['west', 'sea'] },
  sf: { country: 'usa', population: 860, capital: false, tags: ['west', 'sea'] },
  tokyo: { country: 'japan', population: 9_000, capital: true, tags: ['east', 'sea', 'old'] },
};

// What a step does to the cities, then the snapshot that must follow: its ids in order, what changed.
const set = (id, data) => ({ id, data });
const remove = (id) => ({ id, data: null });

const CASES = {
  'a whole collection': {
    of: (cities) => query(cities),
    begin: 'beijing dc la sf tokyo',
    steps: [
      [[set('aachen', { n: 1 })], 'aachen beijing dc la sf tokyo', '+aachen'],
      [[set('aachen', { n: 2 }), remove('la')], 'aachen beijing dc sf tokyo', '-la ~aachen'],
    ],
  },
  'an equality: documents enter, stay, leave and are deleted': {
    of: (cities) => query(cities, where('country', '==', 'usa')),
    begin: 'dc la sf',
    steps: [
      [[set('ny', { country: 'usa' })], 'dc la ny sf', '+ny'],
      [[set('sf', { country: 'usa', population: 1 })], 'dc la ny sf', '~sf'],
      [[set('la', { country: 'mexico' })], 'dc ny sf', '-la'],
      [[remove('dc')], 'ny sf', '-dc'],
    ],
  },
  'an inequality with its order': {
    of: (cities) => query(cities, where('population', '>', 1_000), orderBy('population', 'desc')),
    begin: 'beijing tokyo la',
    steps: [
      [[set('la', { population: 10_000 })], 'beijing la tokyo', '~la'],
      [[set('beijing', { population: 1_000 })], 'la tokyo', '-beijing'],
    ],
  },
  'a limit: newcomers push out, gaps are filled': {
    of: (cities) => query(cities, orderBy('population', 'desc'), limit(2)),
    begin: 'beijing tokyo',
    steps: [
      [[remove('beijing')], 'tokyo la', '-beijing +la'],
      [[set('lagos', { population: 15_000 })], 'lagos tokyo', '-la +lagos'],
      [[set('lagos', { population: 1 })], 'tokyo la', '-lagos +la'],
      [[remove('tokyo'), remove('la'), remove('sf')], 'dc lagos', '-tokyo -la +dc +lagos'],
      [[remove('dc')], 'lagos', '-dc'],
    ],
  },
  'limit to last': {
    of: (cities) => query(cities, orderBy('population'), limitToLast(2)),
    begin: 'tokyo beijing',
    steps: [
      [[set('lagos', { population: 15_000 })], 'lagos beijing', '-tokyo +lagos'],
      [[remove('beijing')], 'tokyo lagos', '-beijing +tokyo'],
    ],
  },
  'either of two': {
    of: (cities) => query(cities, or(where('country', '==', 'japan'), where('capital', '==', true))),
    begin: 'beijing dc tokyo',
    steps: [
      [[set('osaka', { country: 'japan', capital: false })], 'beijing dc osaka tokyo', '+osaka'],
      [[set('tokyo', { country: 'japan', capital: false })], 'beijing dc osaka tokyo', '~tokyo'],
      [[set('dc', { country: 'usa', capital: false })], 'beijing osaka tokyo', '-dc'],
    ],
  },
  'both of two, one of them either of two': {
    of: (cities) =>
      query(cities, and(where('country', '==', 'usa'), or(where('capital', '==', true), where('population', '==', 860)))),
    begin: 'dc sf',
    steps: [[[set('sf', { country: 'usa', population: 861 })], 'dc', '-sf']],
  },
  'in': {
    of: (cities) => query(cities, where('country', 'in', ['japan', 'china'])),
    begin: 'beijing tokyo',
    steps: [[[set('kyoto', { country: 'japan' }), remove('tokyo')], 'beijing kyoto', '-tokyo +kyoto']],
  },
  'array-contains-any': {
    of: (cities) => query(cities, where('tags', 'array-contains-any', ['old', 'west'])),
    begin: 'beijing la sf tokyo',
    steps: [[[set('la', { tags: ['sea'] })], 'beijing sf tokyo', '-la']],
  },
  'cursors': {
    of: (cities) => query(cities, orderBy('population'), startAt(860), endBefore(9_000)),
    begin: 'sf la',
    steps: [
      [[set('lyon', { population: 8_999 })], 'sf la lyon', '+lyon'],
      [[set('sf', { population: 859 })], 'la lyon', '-sf'],
    ],
  },
  'a range of ids': {
    of: (cities) => query(cities, where(documentId(), '>=', 'd'), where(documentId(), '<', 'm')),
    begin: 'dc la',
    steps: [[[set('lyon', {}), set('nice', {})], 'dc la lyon', '+lyon']],
  },
  'nothing, then something': {
    of: (cities) => query(cities, where('country', '==', 'peru')),
    begin: '',
    steps: [
      [[set('lima', { country: 'peru' })], 'lima', '+lima'],
      [[remove('lima')], '', '-lima'],
    ],
  },
};

for (const [phenomenon, { of, begin, steps }] of Object.entries(CASES)) {
  test(phenomenon, async (t) => {
    const { reader, write } = await seeded(t);
    const follower = new Follower((next, error) => onSnapshot(of(collection(reader, 'cities')), next, error));
    const first = await follower.until((snapshot) => !snapshot.metadata.fromCache);
    assert.equal(idsOf(first), begin);
    for (const [writes, ids, changes] of steps) {
      await write(writes);
      const snapshot = await follower.next();
      assert.deepEqual([idsOf(snapshot), changesOf(snapshot)], [ids, changes]);
    }
    follower.stop();
  });
}

test('a collection group, wherever its collections lie', async (t) => {
  const { reader, writer } = await seeded(t);
  await setDoc(doc(writer, 'cities/sf/landmarks/bridge'), { old: false });
  const landmarks = query(collectionGroup(reader, 'landmarks'), where('old', '==', true));
  const follower = new Follower((next, error) => onSnapshot(landmarks, next, error));
  assert.equal(idsOf(await follower.next()), '');
  await setDoc(doc(writer, 'cities/tokyo/landmarks/tower'), { old: true });
  assert.equal(changesOf(await follower.next()), '+tower');
  await setDoc(doc(writer, 'countries/france/regions/paris/landmarks/louvre'), { old: true });
  assert.equal(changesOf(await follower.next()), '+louvre');
  await updateDoc(doc(writer, 'cities/sf/landmarks/bridge'), { old: true });
  const paths = (await follower.next()).docs.map((document) => document.ref.path);
  assert.deepEqual(paths, [
    'cities/sf/landmarks/bridge', 'cities/tokyo/landmarks/tower', 'countries/france/regions/paris/landmarks/louvre',
  ]);
});

test('one document: missing, made, changed, deleted, made again', async (t) => {
  const { reader, writer } = await seeded(t);
  const follower = new Follower((next, error) => onSnapshot(doc(reader, 'cities/oslo'), next, error));
  assert.equal((await follower.next()).exists(), false);
  for (const population of [1, 2]) {
    await setDoc(doc(writer, 'cities/oslo'), { population });
    assert.deepEqual((await follower.next()).data(), { population });
  }
  await deleteDoc(doc(writer, 'cities/oslo'));
  assert.equal((await follower.next()).exists(), false);
  await setDoc(doc(writer, 'cities/oslo'), { population: 3 });
  assert.deepEqual((await follower.next()).data(), { population: 3 });
});

test('a commit of many documents is one snapshot', async (t) => {
  const { reader, writer } = await seeded(t);
  const follower = new Follower((next, error) => onSnapshot(collection(reader, 'crowd'), next, error));
  assert.equal((await follower.next()).size, 0);
  for (const round of [1, 2]) {
    const batch = writeBatch(writer);
    for (let number = 0; number < 200; number++) batch.set(doc(writer, `crowd/${number}`), { round });
    await batch.commit();
    const snapshot = await follower.next();
    assert.equal(snapshot.docChanges().length, 200);
    assert.ok(snapshot.docs.every((document) => document.get('round') === round));
  }
});

test('a query without its index fails alone, with the link', async (t) => {
  const { reader, writer } = await seeded(t);
  const cities = collection(reader, 'cities');
  const good = new Follower((next, error) => onSnapshot(doc(cities, 'sf'), next, error));
  await good.next();
  const unindexed = query(cities, where('country', '==', 'usa'), orderBy('population'));
  const bad = new Follower((next, error) => onSnapshot(unindexed, next, error));
  const error = await bad.failure();
  assert.equal(error.code, 'failed-precondition');
  assert.match(error.message, /The query requires an index\..*https:\/\/console\.firebase\.google\.com/);
  await setDoc(doc(writer, 'cities/sf'), { still: 'here' });
  assert.deepEqual((await good.next()).data(), { still: 'here' });
});

async function seeded(t) {
  const project = newProject();
  const [reader, writer] = [webClient(t, project), webClient(t, project)];
  const write = async (writes) => {
    const batch = writeBatch(writer);
    for (const { id, data } of writes) {
      if (data) batch.set(doc(writer, 'cities', id), data);
      else batch.delete(doc(writer, 'cities', id));
    }
    await batch.commit();
  };
  await write(Object.entries(CITIES).map(([id, data]) => ({ id, data })));
  return { reader, writer, write };
}
