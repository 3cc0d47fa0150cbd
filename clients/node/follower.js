// A listener whose snapshots can be awaited one by one. Runs in Node and in the browser.

const PATIENCE_MS = 45_000;

/** Follows a query or a document and keeps every snapshot that it raises. */
export class Follower {
  #seen = 0;
  #wake = () => {};

  /** `subscribe(next, error)` starts to listen and returns a function that ends it. */
  constructor(subscribe) {
    this.snapshots = [];
    this.error = null;
    this.stop = subscribe(
      (snapshot) => {
        this.snapshots.push(snapshot);
        this.#wake();
      },
      (error) => {
        this.error = error;
        this.#wake();
      },
    );
  }

  /** The next snapshot that has not been asked for yet. */
  next() {
    return this.until(() => true, 'any snapshot');
  }

  /** The first snapshot, of those not passed over yet, that a condition holds for. Throws when the listener fails. */
  async until(condition, what = String(condition)) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      while (this.#seen < this.snapshots.length) {
        const snapshot = this.snapshots[this.#seen++];
        if (condition(snapshot)) return snapshot;
      }
      if (this.error) throw this.error;
      await this.#news(deadline, what);
    }
  }

  /** The error that ends the listener. */
  async failure() {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.error) await this.#news(deadline, 'the listener to fail');
    return this.error;
  }

  #news(deadline, what) {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`waited in vain for ${what}; the last snapshot is ${this.#last()}`));
      const timer = setTimeout(late, Math.max(0, deadline - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #last() {
    const last = this.snapshots.at(-1);
    if (!last) return 'none';
    return last.docs ? idsOf(last) : JSON.stringify(last.data());
  }
}

/** The ids of a snapshot in its order: `dc la sf`. */
export function idsOf(snapshot) {
  return snapshot.docs.map((document) => document.id).join(' ');
}

/** What changed since the snapshot before, in the SDK's order: `-la +ny ~sf`. */
export function changesOf(snapshot) {
  const signs = { added: '+', removed: '-', modified: '~' };
  return snapshot.docChanges().map((change) => signs[change.type] + change.doc.id).join(' ');
}
