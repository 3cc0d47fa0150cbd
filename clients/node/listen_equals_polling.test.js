// Whatever happens meanwhile, what a listener has folded up in the end is what the query answers.

import { setTimeout as pause } from 'node:timers/promises';

import {
  collection, disableNetwork, doc, enableNetwork, endBefore, getDocsFromServer, limit, limitToLast, onSnapshot, or,
  orderBy, query, startAt, where, writeBatch,
} from 'firebase/firestore';

import { Follower } from './follower.js';
import { newProject, test, webClient } from './suite.js';

const QUERIES = [
  (c) => query(c),
  (c) => query(c, where('group', '==', 1)),
  (c) => query(c, where('group', 'in', [0, 2])),
  (c) => query(c, where('group', '==', 1), limit(2)),
  (c) => query(c, where('tags', 'array-contains', 'a')),
  (c) => query(c, or(where('group', '==', 1), where('time', '==', 3))),
  (c) => query(c, orderBy('n'), limit(3)),
  (c) => query(c, orderBy('n', 'desc'), limit(5)),
  (c) => query(c, orderBy('n'), limitToLast(4)),
  (c) => query(c, where('n', '>', 20), orderBy('n'), limit(4)),
  (c) => query(c, orderBy('n'), startAt(10), endBefore(30)),
];

for (let seed = 1; seed <= 3; seed++) {
  test(`clients that come and go while four write, ${seed}`, async (t) => {
    const project = newProject();
    const random = randomNumbers(seed);
    const [staying, comingAndGoing, outsider] = Array.from({ length: 3 }, () => webClient(t, project));
    const followers = [staying, comingAndGoing].map((db) => QUERIES.map((of) => follow(of(collection(db, 'c')))));
    const writing = Promise.all(Array.from({ length: 4 }, () => scribble(webClient(t, project), random)));
    let done = false;
    writing.finally(() => (done = true));
    while (!done) {
      await pause(random(100));
      await disableNetwork(comingAndGoing);
      await pause(random(60));
      await enableNetwork(comingAndGoing);
    }
    await writing;
    for (const [index, of] of QUERIES.entries()) {
      const wanted = told(await getDocsFromServer(of(collection(outsider, 'c'))));
      for (const follower of followers.map((one) => one[index])) {
        const isLast = (snapshot) => snapshot === follower.snapshots.at(-1) && !snapshot.metadata.fromCache;
        await follower.until((snapshot) => isLast(snapshot) && told(snapshot) === wanted, wanted);
      }
    }
  });
}

async function scribble(db, random) {
  for (let time = 0; time < 40; time++) {
    const batch = writeBatch(db);
    for (let left = random(4); left >= 0; left--) {
      const reference = doc(db, `c/${random(40)}`);
      if (random(4) === 0) batch.delete(reference);
      else batch.set(reference, { n: random(50), group: random(3), time: time % 5, tags: random(2) ? ['a'] : ['b'] });
    }
    await batch.commit();
  }
}

function follow(target) {
  return new Follower((next, error) => onSnapshot(target, { includeMetadataChanges: true }, next, error));
}

function told(snapshot) {
  return snapshot.docs.map((one) => `${one.id} ${JSON.stringify(Object.entries(one.data()).sort())}`).join('\n');
}

/** Numbers below a limit, the same for the same seed: a linear congruential generator. */
function randomNumbers(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}
