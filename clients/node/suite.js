// What every test of the suite gets: a limit on its time, a project that nobody else uses, clients that are closed.

import { test as nodeTest } from 'node:test';
import { randomBytes } from 'node:crypto';

import { deleteApp, initializeApp } from 'firebase/app';
import { connectFirestoreEmulator, initializeFirestore, setLogLevel } from 'firebase/firestore';
import { Firestore } from '@google-cloud/firestore';

const TEST_LIMIT_MS = 60_000;

const server = process.env.IRORI_SERVER;
if (!server) throw new Error('IRORI_SERVER must name the server as host:port');
/** The server's address. */
export const [host, port] = [server.split(':')[0], Number(server.split(':')[1])];

// The SDK tells of every lost connection, and some tests lose connections on purpose.
setLogLevel('silent');
// The server SDK would look for a machine of Google's around it.
process.env.METADATA_SERVER_DETECTION = 'none';

/** A test of Node's runner that cannot hang. */
export function test(name, body) {
  return nodeTest(name, { timeout: TEST_LIMIT_MS }, body);
}

const endings = new WeakMap();

/** Does some work when a test ends; what was asked for last is done first. */
export function atEnd(t, work) {
  if (!endings.has(t)) {
    endings.set(t, []);
    t.after(async () => {
      for (const work of endings.get(t).reverse()) await work();
    });
  }
  endings.get(t).push(work);
}

/** A project that is empty, so that tests cannot meet and names stay plain. */
export function newProject() {
  return `test-${randomBytes(6).toString('hex')}`;
}

/** The web SDK's database of a project. Each call is a client of its own, with its own connection and cache. */
export function webClient(t, project, settings = {}, at = { host, port }) {
  const app = initializeApp({ projectId: project, apiKey: 'any' }, randomBytes(6).toString('hex'));
  const db = initializeFirestore(app, settings);
  connectFirestoreEmulator(db, at.host, at.port);
  atEnd(t, () => deleteApp(app));
  return db;
}

/** The server SDK's database of a project, on this suite's server or on another one. */
export function serverClient(t, project, settings = {}, address = server) {
  process.env.FIRESTORE_EMULATOR_HOST = address;
  const db = new Firestore({ projectId: project, ...settings });
  atEnd(t, () => db.terminate());
  return db;
}
