// Runs in the tab: opens a database with `firebase/firestore/lite` and puts what tests use into the global scope.

import { initializeApp } from 'firebase/app';
import * as lite from 'firebase/firestore/lite';

/** Makes `db` of a project on a server. */
export function open({ project, host, port, connection = {} }) {
  const db = lite.getFirestore(initializeApp({ projectId: project, apiKey: 'any' }));
  lite.connectFirestoreEmulator(db, host, port, connection);
  Object.assign(window, lite, { db });
}
