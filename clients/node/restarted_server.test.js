// Listeners outlive their server: when it is back on the same data, they go on where they were.

import assert from 'node:assert/strict';

import { doc, onSnapshot, setDoc } from 'firebase/firestore';

import { Follower, idsOf } from './follower.js';
import { OwnServer, testWithOwnServer } from './own_server.js';
import { newProject, serverClient, webClient } from './suite.js';

for (const signal of ['SIGTERM', 'SIGKILL']) {
  testWithOwnServer(`the server SDK goes on after ${signal}`, async (t) => {
    const { server, db } = await ownServerClient(t);
    await db.doc('c/1').set({ n: 1 });
    await db.doc('c/2').set({ n: 2 });
    const follower = new Follower((next, error) => db.collection('c').orderBy('n').onSnapshot(next, error));
    assert.equal(idsOf(await follower.next()), '1 2');
    await server.stop(signal);
    await server.run();
    const batch = db.batch();
    batch.delete(db.doc('c/1')).set(db.doc('c/3'), { n: 3 });
    await batch.commit();
    // One snapshot more, as if nothing had been: the client has resumed, and did not start over.
    assert.equal(idsOf(await follower.next()), '2 3');
    follower.stop();
  });
}

testWithOwnServer('the web SDK goes on, and writes what it was asked to meanwhile', async (t) => {
  const { server, project, db } = await ownServerClient(t);
  const web = webClient(t, project, {}, server);
  const follower = new Follower((next, error) => onSnapshot(doc(web, 'c/d'), { includeMetadataChanges: true }, next, error));
  await follower.next();
  await server.stop();
  const written = setDoc(doc(web, 'c/d'), { n: 1 });
  await server.run();
  await written;
  await follower.until((snapshot) => snapshot.data()?.n === 1 && !snapshot.metadata.hasPendingWrites);
  await db.doc('c/d').set({ n: 2 });
  await follower.until((snapshot) => snapshot.get('n') === 2);
});

async function ownServerClient(t) {
  const server = await OwnServer.start(t);
  const project = newProject();
  return { server, project, db: serverClient(t, project, {}, `${server.host}:${server.port}`) };
}
