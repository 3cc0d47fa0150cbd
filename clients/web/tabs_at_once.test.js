// Tabs that want the same thing at once: nothing is lost and nothing is sold twice.

import assert from 'node:assert/strict';

import { newProject, serverClient, test } from '../node/suite.js';
import { openProfile, openTab } from './browser.js';

const TABS = 4;

test('every tab\'s additions to one counter count', async (t) => {
  const { db, tabs } = await crowd(t);
  await db.doc('counters/one').set({ value: 0 });
  await inAll(tabs, async () => {
    for (let time = 0; time < 5; time++) {
      await untilCommitted(async (transaction) => {
        const counter = await transaction.get(doc(db, 'counters/one'));
        transaction.update(counter.ref, { value: counter.get('value') + 1 });
      });
    }
  });
  assert.equal((await db.doc('counters/one').get()).get('value'), 5 * TABS);
});

test('followers are counted as they come and go', async (t) => {
  const { db, tabs } = await crowd(t);
  await db.doc('profiles/star').set({ followers: 0 });
  await inAll(tabs, async (tab) => {
    const star = doc(db, 'profiles/star');
    const change = (fan, by) =>
      untilCommitted(async (transaction) => {
        const link = doc(db, 'profiles/star/fans', fan);
        const [profile, follows] = [await transaction.get(star), await transaction.get(link)];
        if (follows.exists() === by > 0) return;
        if (by > 0) transaction.set(link, { at: serverTimestamp() });
        else transaction.delete(link);
        transaction.update(star, { followers: profile.get('followers') + by });
      });
    for (let number = 0; number < 4; number++) await change(`${tab}-${number}`, 1);
    // Everybody follows with the same account as well, and one fan of each tab leaves again.
    await change('everybody', 1);
    await change(`${tab}-0`, -1);
  });
  const fans = await db.collection('profiles/star/fans').count().get();
  assert.equal(fans.data().count, 3 * TABS + 1);
  assert.equal((await db.doc('profiles/star').get()).get('followers'), 3 * TABS + 1);
});

test('a sale of sixty units in six shards, which every buyer reads: sixty are sold, none twice', async (t) => {
  const { db, tabs } = await crowd(t);
  const [units, shards] = [60, 6];
  for (let shard = 0; shard < shards; shard++) await db.doc(`stock/${shard}`).set({ left: units / shards });
  const watcher = await openTab(await openProfile(t), db.projectId);
  await watcher.evaluate(async () => {
    window.stock = follow(collection(db, 'stock'));
    await stock.next();
  });
  const bought = await inAll(tabs, async (buyer, { shards, perShard }) => {
    const buy = () =>
      untilCommitted(async (transaction) => {
        const stock = [];
        for (let shard = 0; shard < shards; shard++) stock.push(await transaction.get(doc(db, `stock/${shard}`)));
        const open = stock.filter((shard) => shard.get('left') > 0);
        if (open.length === 0) return null;
        const shard = open[Math.floor(Math.random() * open.length)];
        const unit = Number(shard.id) * perShard + shard.get('left') - 1;
        transaction.update(shard.ref, { left: shard.get('left') - 1 });
        transaction.set(doc(db, `sold/${unit}`), { buyer });
        return unit;
      });
    const mine = [];
    for (let unit = await buy(); unit !== null; unit = await buy()) mine.push(unit);
    return mine;
  }, { shards, perShard: units / shards });
  assert.deepEqual(bought.flat().sort((a, b) => a - b), Array.from({ length: units }, (_, unit) => unit));
  assert.equal((await db.collection('sold').count().get()).data().count, units);
  const left = await watcher.evaluate(async () => {
    const leftOf = (snapshot) => snapshot.docs.reduce((sum, shard) => sum + shard.get('left'), 0);
    await stock.until((snapshot) => leftOf(snapshot) === 0, 'the stock to be sold out');
    return stock.snapshots.map(leftOf);
  });
  // Commit by commit, one unit less: the watcher may miss commits, and never sees the stock grow.
  assert.deepEqual(left, [...left].sort((a, b) => b - a));
});

async function crowd(t) {
  const project = newProject();
  const profile = await openProfile(t);
  const tabs = [];
  for (let number = 0; number < TABS; number++) tabs.push(await openTab(profile, project));
  for (const tab of tabs) await tab.evaluate(comeAgain);
  return { db: serverClient(t, project), tabs };
}

/** In the tab. Under contention, five attempts that were all overtaken are bad luck and no failure. */
function comeAgain() {
  window.untilCommitted = async (work) => {
    for (;;) {
      try {
        return await runTransaction(db, work);
      } catch (error) {
        if (error.code !== 'failed-precondition' && error.code !== 'aborted') throw error;
      }
    }
  };
}

/** Runs a function in all tabs at once, with the tab's number and an argument. */
function inAll(tabs, work, argument) {
  const call = `(${work})`;
  return Promise.all(tabs.map((tab, number) => tab.evaluate(`${call}(${number}, ${JSON.stringify(argument ?? null)})`)));
}
