// Security rules, tested as their users test them: with @firebase/rules-unit-testing, unmodified.

import assert from 'node:assert/strict';

import { assertFails, assertSucceeds, initializeTestEnvironment } from '@firebase/rules-unit-testing';
import {
  collection,
  collectionGroup,
  deleteDoc,
  doc,
  getAggregateFromServer,
  getCountFromServer,
  getDoc,
  getDocs,
  limit,
  onSnapshot,
  query,
  runTransaction,
  serverTimestamp,
  setDoc,
  sum,
  updateDoc,
  where,
  writeBatch,
} from 'firebase/firestore';

import { atEnd, host, newProject, port, test } from './suite.js';

const RULES = `
rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    function signedIn() { return request.auth != null; }
    function room(id) { return /databases/$(database)/documents/rooms/$(id); }

    match /posts/{post} {
      allow read: if resource.data.public == true || request.auth.uid == resource.data.author;
      allow create: if signedIn() && request.resource.data.author == request.auth.uid
                    && request.resource.data.at == request.time;
      allow update: if request.resource.data.diff(resource.data).affectedKeys().hasOnly(['text', 'public']);
      allow delete: if request.auth.token.moderator == true;
    }
    match /rooms/{room} {
      allow get: if request.auth.uid in resource.data.members;
      allow write: if getAfter(/databases/$(database)/documents/logs/$(room)).data.by == request.auth.uid;
      match /messages/{message} {
        allow read: if request.auth.uid in get(room(room)).data.members;
      }
    }
    match /logs/{log} { allow create: if signedIn(); }
    match /{path=**}/comments/{comment} { allow list: if resource.data.open == true && request.query.limit <= 10; }
  }
}`;

/** An environment of its own for a test: an empty project with rules. */
async function environment(t, rules = RULES) {
  const found = await initializeTestEnvironment({ projectId: newProject(), firestore: { host, port, rules } });
  atEnd(t, () => found.cleanup());
  return found;
}

/** The databases of two users and of somebody unknown; `seed` writes what is there before, past all rules. */
async function people(t, seed, rules) {
  const found = await environment(t, rules);
  if (seed) await found.withSecurityRulesDisabled((context) => seed(context.firestore()));
  return {
    env: found,
    alice: found.authenticatedContext('alice').firestore(),
    bob: found.authenticatedContext('bob').firestore(),
    nobody: found.unauthenticatedContext().firestore(),
  };
}

const post = (author, more = {}) => ({ author, at: serverTimestamp(), public: false, ...more });

test('a document is created only in the name of its author, with the time of the commit', async (t) => {
  const { alice, nobody } = await people(t);
  await assertSucceeds(setDoc(doc(alice, 'posts/1'), post('alice')));
  await assertFails(setDoc(doc(alice, 'posts/2'), post('bob')));
  await assertFails(setDoc(doc(alice, 'posts/3'), post('alice', { at: new Date() })));
  await assertFails(setDoc(doc(nobody, 'posts/4'), post('alice')));
});

test('an update is judged by what it changes', async (t) => {
  const { alice } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', text: 'a', public: true }));
  await assertSucceeds(updateDoc(doc(alice, 'posts/1'), { text: 'b' }));
  await assertFails(updateDoc(doc(alice, 'posts/1'), { author: 'mallory' }));
});

test('claims of the token open what the uid does not', async (t) => {
  const { env, alice } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', public: true }));
  await assertFails(deleteDoc(doc(alice, 'posts/1')));
  const moderator = env.authenticatedContext('carol', { moderator: true }).firestore();
  await assertSucceeds(deleteDoc(doc(moderator, 'posts/1')));
});

test('a query is allowed when its filter proves what the rule asks', async (t) => {
  const { alice, bob, nobody } = await people(t, (db) =>
    setDoc(doc(db, 'posts/1'), { author: 'alice', public: false }),
  );
  const posts = (db, ...filters) => getDocs(query(collection(db, 'posts'), ...filters));
  assert.equal((await assertSucceeds(posts(alice, where('author', '==', 'alice')))).size, 1);
  assert.equal((await assertSucceeds(posts(nobody, where('public', '==', true)))).size, 0);
  await assertFails(posts(bob, where('author', '==', 'alice')));
  await assertFails(posts(alice, where('author', 'in', ['alice', 'bob'])));
  await assertFails(posts(alice));
});

test('counts and sums are no oracle for hidden documents', async (t) => {
  const { alice, bob } = await people(t, (db) =>
    setDoc(doc(db, 'posts/1'), { author: 'alice', public: false, likes: 7 }),
  );
  const own = (db) => query(collection(db, 'posts'), where('author', '==', 'alice'));
  assert.equal((await assertSucceeds(getCountFromServer(own(alice)))).data().count, 1);
  await assertFails(getCountFromServer(own(bob)));
  await assertFails(getCountFromServer(collection(bob, 'posts')));
  await assertFails(getAggregateFromServer(own(bob), { likes: sum('likes') }));
});

test('a collection group is listed by its own rule, within the limit that the rule names', async (t) => {
  const { nobody } = await people(t, (db) => setDoc(doc(db, 'posts/1/comments/1'), { open: true }));
  const open = (...more) => getDocs(query(collectionGroup(nobody, 'comments'), where('open', '==', true), ...more));
  assert.equal((await assertSucceeds(open(limit(10)))).size, 1);
  await assertFails(open(limit(11)));
  await assertFails(open());
});

test('a batch with one write that is not allowed changes nothing', async (t) => {
  const { env, alice } = await people(t);
  const batch = writeBatch(alice);
  batch.set(doc(alice, 'posts/1'), post('alice'));
  batch.set(doc(alice, 'posts/2'), post('bob'));
  await assertFails(batch.commit());
  await env.withSecurityRulesDisabled(async (context) => {
    assert.equal((await getDocs(collection(context.firestore(), 'posts'))).size, 0);
  });
});

test('getAfter sees the other writes of the same batch, and only those that are committed with it', async (t) => {
  const { alice } = await people(t);
  const both = writeBatch(alice);
  both.set(doc(alice, 'rooms/r'), { members: ['alice'] });
  both.set(doc(alice, 'logs/r'), { by: 'alice' });
  await assertSucceeds(both.commit());
  await assertFails(setDoc(doc(alice, 'rooms/other'), { members: ['alice'] }));
});

test('a transaction is judged at its commit', async (t) => {
  const { alice, bob } = await people(t, (db) =>
    setDoc(doc(db, 'posts/1'), { author: 'alice', text: 'a', public: true }),
  );
  const edit = (db, change) =>
    runTransaction(db, async (transaction) => {
      await transaction.get(doc(db, 'posts/1'));
      transaction.update(doc(db, 'posts/1'), change);
    });
  await assertSucceeds(edit(bob, { text: 'b' }));
  await assertFails(edit(bob, { author: 'bob' }));
});

/** The first thing that a listener is told which `is` accepts: a snapshot, or the error that ended it. */
function heard(t, reference, is) {
  return new Promise((resolve) => {
    const done = (told) => is(told) && resolve(told);
    const stop = onSnapshot(reference, (snapshot) => done({ snapshot }), (error) => done({ error }));
    atEnd(t, stop);
  });
}

test('a listener who may not read is told so', async (t) => {
  const { bob } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', public: false }));
  const { error } = await heard(t, doc(bob, 'posts/1'), ({ error }) => error);
  assert.equal(error.code, 'permission-denied');
});

test('a listener of a document loses it when its content does not allow it any more', async (t) => {
  const { env, bob } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', public: true }));
  const told = [];
  let first;
  const opened = new Promise((resolve) => (first = resolve));
  const ended = new Promise((resolve) => {
    const next = (snapshot) => {
      told.push(snapshot.data());
      first();
    };
    atEnd(t, onSnapshot(doc(bob, 'posts/1'), next, resolve));
  });
  await opened;
  await env.withSecurityRulesDisabled((context) =>
    setDoc(doc(context.firestore(), 'posts/1'), { author: 'alice', public: false, secret: 'for alice' }),
  );
  assert.equal((await ended).code, 'permission-denied');
  assert.ok(told.every((data) => data.secret === undefined), 'nothing of the hidden content was told');
});

test('a listener of a query loses it when a document that its rule reads changes', async (t) => {
  const { env, alice } = await people(t, async (db) => {
    await setDoc(doc(db, 'rooms/r'), { members: ['alice'] });
    await setDoc(doc(db, 'rooms/r/messages/1'), { text: 'hello' });
  });
  let first;
  const opened = new Promise((resolve) => (first = resolve));
  const told = [];
  const ended = new Promise((resolve) => {
    const next = (snapshot) => {
      told.push(...snapshot.docs.map((found) => found.data().text));
      first();
    };
    atEnd(t, onSnapshot(collection(alice, 'rooms/r/messages'), next, resolve));
  });
  await opened;
  await env.withSecurityRulesDisabled(async (context) => {
    const db = context.firestore();
    await setDoc(doc(db, 'rooms/r'), { members: [] });
    await setDoc(doc(db, 'rooms/r/messages/2'), { text: 'not for alice' });
  });
  assert.equal((await ended).code, 'permission-denied');
  assert.deepEqual([...new Set(told)], ['hello']);
});

test('a document that leaves a query does not show what it has become', async (t) => {
  const { env, alice } = await people(t, (db) =>
    setDoc(doc(db, 'posts/1'), { author: 'bob', public: true, text: 'open' }),
  );
  const open = query(collection(alice, 'posts'), where('public', '==', true));
  const sizes = [];
  let first;
  const opened = new Promise((resolve) => (first = resolve));
  const left = new Promise((resolve, reject) => {
    const next = (snapshot) => {
      sizes.push(snapshot.size);
      first();
      if (sizes.length > 1 && snapshot.size === 0) resolve(snapshot);
    };
    atEnd(t, onSnapshot(open, next, reject));
  });
  await opened;
  await env.withSecurityRulesDisabled((context) =>
    setDoc(doc(context.firestore(), 'posts/1'), { author: 'bob', public: false, text: 'secret' }),
  );
  const changes = (await left).docChanges();
  assert.deepEqual(changes.map((change) => [change.type, change.doc.data().text]), [['removed', 'open']]);
});

test('new rules are in force for the next request, and for those who listen', async (t) => {
  const { env, bob } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', public: true }));
  let first;
  const opened = new Promise((resolve) => (first = resolve));
  const ended = new Promise((resolve) => atEnd(t, onSnapshot(doc(bob, 'posts/1'), first, resolve)));
  await opened;
  const closed = "service cloud.firestore { match /{all=**} { allow read, write: if false; } }";
  const loaded = await fetch(`http://${host}:${port}/emulator/v1/projects/${env.projectId}:securityRules`, {
    method: 'PUT',
    body: JSON.stringify({ rules: { files: [{ name: 'closed.rules', content: closed }] } }),
  });
  assert.equal(loaded.status, 200);
  assert.equal((await ended).code, 'permission-denied');
  await assertFails(getDoc(doc(bob, 'posts/1')));
});

test('rules that do not compile are refused with the place, and the old ones stay', async (t) => {
  const { env, nobody } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', public: true }));
  const broken = "service cloud.firestore { match /posts/{p} { allow read: if; } }";
  const answer = await fetch(`http://${host}:${port}/emulator/v1/projects/${env.projectId}:securityRules`, {
    method: 'PUT',
    body: JSON.stringify({ rules: { files: [{ content: broken }] } }),
  });
  assert.equal(answer.status, 400);
  assert.match((await answer.json()).error.message, /L1:\d+/);
  await assertSucceeds(getDoc(doc(nobody, 'posts/1')));
});

test('coverage tells which conditions were tried, and with which outcome', async (t) => {
  const { env, alice } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', public: false }));
  await assertSucceeds(getDoc(doc(alice, 'posts/1')));
  const base = `http://${host}:${port}/emulator/v1/projects/${env.projectId}:ruleCoverage`;
  const coverage = await (await fetch(base)).json();
  assert.ok(coverage.report.length > 0);
  assert.match(coverage.rules.files[0].content, /match \/posts/);
  const page = await (await fetch(`${base}.html`)).text();
  assert.match(page, /resource\.data\.public/);
});

test('clearFirestore leaves the rules in force', async (t) => {
  const { env, alice } = await people(t, (db) => setDoc(doc(db, 'posts/1'), { author: 'alice', public: true }));
  await env.clearFirestore();
  await assertFails(setDoc(doc(alice, 'posts/2'), post('bob')));
  await assertSucceeds(setDoc(doc(alice, 'posts/2'), post('alice')));
});
