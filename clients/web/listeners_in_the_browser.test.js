// Listeners of the web SDK in a real browser, over its own streaming channel.

import assert from 'node:assert/strict';

import { newProject, test } from '../node/suite.js';
import { openProfile, openTab } from './browser.js';

test('a query is followed through every kind of change', async (t) => {
  const { reader, writer } = await twoTabs(t);
  await reader.evaluate(async () => {
    window.usa = follow(query(collection(db, 'cities'), where('country', '==', 'usa')));
    await usa.next();
  });
  const write = (path, data) =>
    writer.evaluate(([path, data]) => (data ? setDoc(doc(db, path), data) : deleteDoc(doc(db, path))), [path, data]);
  const heard = () => reader.evaluate(async () => changesOf(await usa.next()));
  await write('cities/sf', { country: 'usa' });
  assert.equal(await heard(), '+sf');
  await write('cities/sf', { country: 'usa', n: 1 });
  assert.equal(await heard(), '~sf');
  await write('cities/la', { country: 'usa' });
  assert.equal(await heard(), '+la');
  await write('cities/la', { country: 'mexico' });
  assert.equal(await heard(), '-la');
  await write('cities/sf', null);
  assert.equal(await heard(), '-sf');
});

test('text outside the basic plane, in names and in values', async (t) => {
  const { reader, writer } = await twoTabs(t);
  await reader.evaluate(async () => {
    window.texts = follow(collection(db, 'é😀漢'));
    await texts.next();
  });
  const text = '😀'.repeat(1_000) + 'é漢\u2028"\\\u0001'.repeat(500);
  for (let time = 0; time < 3; time++) {
    const write = ([time, text]) => setDoc(doc(db, 'é😀漢', `ß😀${time}`), { text: text + time });
    await writer.evaluate(write, [time, text]);
    const last = await reader.evaluate(async () => (await texts.next()).docs.at(-1).data());
    assert.deepEqual(last, { text: text + time });
  }
});

test('limits, either-or, collection groups and single documents over one stream', async (t) => {
  const { reader, writer } = await twoTabs(t);
  await reader.evaluate(async () => {
    const c = collection(db, 'c');
    window.followers = {
      first: follow(query(c, orderBy('n'), limit(2))),
      last: follow(query(c, orderBy('n'), limitToLast(2))),
      either: follow(query(c, or(where('n', '==', 1), where('n', '==', 4)))),
      group: follow(collectionGroup(db, 'c')),
      one: follow(doc(db, 'c/3')),
    };
    await Promise.all(Object.values(followers).map((follower) => follower.next()));
  });
  const commit = (script) =>
    writer.evaluate((script) => {
      const batch = writeBatch(db);
      for (const [path, n] of script) n === null ? batch.delete(doc(db, path)) : batch.set(doc(db, path), { n });
      return batch.commit();
    }, script);
  const seen = () =>
    reader.evaluate(async () => {
      const { first, last, either, group, one } = followers;
      const ids = [];
      for (const follower of [first, last, either, group]) ids.push(idsOf(await follower.next()));
      return [...ids, (await one.next()).data()?.n ?? null];
    });
  await commit([['c/1', 1], ['c/2', 2], ['c/3', 3], ['c/4', 4], ['x/y/c/5', 5]]);
  assert.deepEqual(await seen(), ['1 2', '3 4', '1 4', '1 2 3 4 5', 3]);
  await commit([['c/1', null], ['c/4', null], ['c/3', 2.5], ['c/0', 0]]);
  assert.deepEqual(await seen(), ['0 2', '2 3', '', '0 2 3 5', 2.5]);
});

test('sixty queries over one stream, each hears of its own', async (t) => {
  const { reader, writer } = await twoTabs(t);
  await reader.evaluate(async () => {
    window.rooms = Array.from({ length: 60 }, (_, room) =>
      follow(query(collection(db, 'messages'), where('room', '==', room))));
    await Promise.all(rooms.map((follower) => follower.next()));
  });
  await writer.evaluate(async () => {
    for (const room of [0, 31, 59]) await setDoc(doc(db, `messages/m${room}`), { room });
  });
  const heard = await reader.evaluate(async () => {
    const changes = [];
    for (const room of [0, 31, 59]) changes.push(changesOf(await rooms[room].next()));
    return [changes, rooms.reduce((sum, follower) => sum + follower.snapshots.length, 0)];
  });
  assert.deepEqual(heard, [['+m0', '+m31', '+m59'], 63]);
});

test('writes go over a stream of their own and are confirmed in order', async (t) => {
  const { reader, writer } = await twoTabs(t);
  const numbers = await writer.evaluate(async () => {
    const log = doc(db, 'c/log');
    const writes = [setDoc(log, { numbers: [] })];
    for (let number = 1; number <= 200; number++) writes.push(updateDoc(log, { numbers: arrayUnion(number) }));
    await waitForPendingWrites(db);
    await Promise.all(writes);
    return (await getDocFromServer(log)).get('numbers');
  });
  assert.deepEqual(numbers, Array.from({ length: 200 }, (_, index) => index + 1));
  const refused = await writer.evaluate(() => updateDoc(doc(db, 'c/missing'), { n: 1 }).catch((error) => error.code));
  assert.equal(refused, 'not-found');
  assert.equal(await reader.evaluate(async () => (await getDoc(doc(db, 'c/log'))).get('numbers').length), 200);
});

test('a query without its index fails alone, with the link', async (t) => {
  const { reader, writer } = await twoTabs(t);
  const { code, message } = await reader.evaluate(async () => {
    window.good = follow(doc(db, 'c/d'));
    await good.next();
    const bad = follow(query(collection(db, 'c'), where('a', '==', 1), orderBy('b')));
    const { code, message } = await bad.failure();
    return { code, message };
  });
  assert.equal(code, 'failed-precondition');
  assert.match(message, /The query requires an index/);
  await writer.evaluate(() => setDoc(doc(db, 'c/d'), { n: 1 }));
  assert.deepEqual(await reader.evaluate(async () => (await good.next()).data()), { n: 1 });
});

test('documents of half a mebibyte, several in one commit', async (t) => {
  const { reader, writer } = await twoTabs(t);
  await reader.evaluate(async () => {
    window.big = follow(collection(db, 'big'));
    await big.next();
  });
  await writer.evaluate(() => {
    const batch = writeBatch(db);
    for (const letter of ['a', 'b', 'c', 'd']) batch.set(doc(db, 'big', letter), { text: letter.repeat(500_000) });
    return batch.commit();
  });
  const lengths = await reader.evaluate(async () => (await big.next()).docs.map((one) => one.get('text').length));
  assert.deepEqual(lengths, [500_000, 500_000, 500_000, 500_000]);
});

test('a tab with the token of a mock user listens and writes', async (t) => {
  const connection = { mockUserToken: { sub: 'alice', email: 'alice@example.com' } };
  const tab = await openTab(await openProfile(t), newProject(), { connection });
  const heard = await tab.evaluate(async () => {
    const follower = follow(doc(db, 'users/alice'));
    await follower.next();
    await setDoc(doc(db, 'users/alice'), { name: 'Alice' });
    await runTransaction(db, async (transaction) => {
      const { name } = (await transaction.get(doc(db, 'users/alice'))).data();
      transaction.update(doc(db, 'users/alice'), { name: `${name} Liddell` });
    });
    return (await follower.until((snapshot) => snapshot.data()?.name.length > 5)).data();
  });
  assert.deepEqual(heard, { name: 'Alice Liddell' });
});

test('ten profiles that follow one list see the same in the end', async (t) => {
  const project = newProject();
  const tabs = [];
  for (let number = 0; number < 10; number++) tabs.push(await openTab(await openProfile(t), project));
  const start = async () => {
    window.list = follow(query(collection(db, 'list'), orderBy('n', 'desc'), limit(3)));
    await list.next();
  };
  await Promise.all(tabs.map((tab) => tab.evaluate(start)));
  const add = async (number) => {
    for (let time = 0; time < 10; time++) await addDoc(collection(db, 'list'), { n: time * 10 + number });
    await list.until((snapshot) => snapshot.docs.map((one) => one.get('n')).join() === '99,98,97');
  };
  await Promise.all(tabs.map((tab, number) => tab.evaluate(add, number)));
});

async function twoTabs(t) {
  const project = newProject();
  const profile = await openProfile(t);
  const [reader, writer] = [await openTab(profile, project), await openTab(profile, project)];
  return { reader, writer };
}
