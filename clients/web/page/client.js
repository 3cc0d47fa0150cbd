// Runs in the tab: opens a database with the full SDK and puts what tests use into the global scope.

import { initializeApp } from 'firebase/app';
import * as firestore from 'firebase/firestore';

import { changesOf, Follower, idsOf } from '/node/follower.js';

const CACHES = {
  memory: () => firestore.memoryLocalCache(),
  persistent: () => firestore.persistentLocalCache({}),
  'persistent, many tabs': () =>
    firestore.persistentLocalCache({ tabManager: firestore.persistentMultipleTabManager() }),
};

/** Makes `db` of a project on a server; the rest as the test wants it. */
export function open({ project, host, port, cache = 'memory', settings = {}, connection = {} }) {
  firestore.setLogLevel('silent');
  const app = initializeApp({ projectId: project, apiKey: 'any' });
  const db = firestore.initializeFirestore(app, { localCache: CACHES[cache](), ...settings });
  firestore.connectFirestoreEmulator(db, host, port, connection);
  Object.assign(window, firestore, { db, follow, changesOf, idsOf });
}

/** A follower of a query or document of this tab. */
function follow(target, options = {}) {
  return new Follower((next, error) => firestore.onSnapshot(target, options, next, error));
}
