// The official Datastore client: entities, queries with pages, transactions with a conflict, aggregations.

import assert from 'node:assert/strict';
import { Datastore, PropertyFilter, and, or } from '@google-cloud/datastore';

import { newProject, test } from './suite.js';

process.env.DATASTORE_EMULATOR_HOST = process.env.IRORI_SERVER;
const CONTENTION = 10;

function client(namespace) {
  return new Datastore({ projectId: newProject(), namespace });
}

test('an entity comes back as it was saved', async () => {
  const db = client();
  const key = db.key(['Task', 'sample']);
  const data = {
    text: 'Größe',
    number: db.int('9007199254740993'),
    double: db.double(2),
    time: new Date(Date.UTC(2020, 0, 2)),
    list: [1, 'x', null, true],
    none: null,
    inner: { deep: { n: 1 }, list: [] },
    place: db.geoPoint({ latitude: 1.5, longitude: -2 }),
    blob: Buffer.from([0, 255]),
    other: db.key(['Other', db.int(5)]),
  };
  await db.save({ key, excludeFromIndexes: ['inner.list[]'], data });
  const [read] = await db.get(key, { wrapNumbers: true });
  assert.equal(read[db.KEY].name, 'sample');
  assert.equal(read.number.value, '9007199254740993');
  assert.equal(Number(read.double), 2);
  assert.deepEqual(read.time, data.time);
  assert.deepEqual(read.blob, data.blob);
  assert.deepEqual(read.list.slice(1), ['x', null, true]);
  assert.deepEqual(read.inner.list, []);
  assert.equal(read.other.id.value ?? read.other.id, '5');
  await db.delete(key);
  assert.deepEqual(await db.get(key), [undefined]);
});

test('ids are allocated for keys that lack one, and inserting twice is refused', async () => {
  const db = client();
  const entities = [1, 2, 3].map((n) => ({ key: db.key('Task'), data: { n } }));
  await db.save(entities);
  assert.equal(new Set(entities.map((entity) => entity.key.id)).size, 3);
  const [allocated] = await db.allocateIds(db.key('Task'), 5);
  assert.equal(new Set([...allocated, ...entities.map((entity) => entity.key)].map((key) => key.id)).size, 8);
  await assert.rejects(db.insert({ key: entities[0].key, data: {} }), { code: 6 });
  await assert.rejects(db.update({ key: db.key(['Task', 'gone']), data: {} }), { code: 5 });
});

test('queries filter, order, page and aggregate', async () => {
  const db = client();
  const book = db.key(['Book', 'b']);
  const tasks = Array.from({ length: 20 }, (_, n) => ({
    key: db.key([...book.path, 'Task', db.int(n + 1)]),
    data: { n, done: n % 2 === 0 },
  }));
  await db.save(tasks);
  const ids = ([entities]) => entities.map((entity) => Number(entity[db.KEY].id));
  const query = () => db.createQuery('Task');
  assert.deepEqual(ids(await db.runQuery(query().filter(new PropertyFilter('n', '>', 16)))), [18, 19, 20]);
  const either = or([new PropertyFilter('n', '=', 3), new PropertyFilter('n', '>', 18)]);
  assert.deepEqual(ids(await db.runQuery(query().filter(either))), [4, 20]);
  const both = and([new PropertyFilter('done', '=', true), new PropertyFilter('n', 'IN', [1, 2, 4])]);
  assert.deepEqual(ids(await db.runQuery(query().filter(both))), [3, 5]);
  assert.deepEqual(ids(await db.runQuery(query().hasAncestor(book).limit(2))), [1, 2]);
  const [, info] = await db.runQuery(query().order('n', { descending: true }).limit(5));
  assert.equal(info.moreResults, 'MORE_RESULTS_AFTER_LIMIT');
  const rest = await db.runQuery(query().order('n', { descending: true }).start(info.endCursor));
  assert.equal(rest[0].length, 15);
  assert.equal(rest[1].moreResults, 'NO_MORE_RESULTS');
  const figures = db.createAggregationQuery(query()).count('all').sum('n', 'sum').average('n', 'mean');
  assert.deepEqual((await db.runAggregationQuery(figures))[0], [{ all: 20, sum: 190, mean: 9.5 }]);
});

test('the transaction that began first wins, and the other is aborted', async () => {
  const db = client();
  const key = db.key(['Email', 'a@example.com']);
  const [first, second] = [db.transaction(), db.transaction()];
  await first.run();
  await second.run();
  for (const transaction of [first, second]) {
    assert.deepEqual(await transaction.get(key), [undefined]);
    transaction.save({ key, data: { by: transaction === first ? 'first' : 'second' } });
  }
  const lost = assert.rejects(second.commit(), { code: CONTENTION });
  await first.commit();
  await lost;
  assert.equal((await db.get(key))[0].by, 'first');
});
