// A server of a test's own, for tests that stop it, start it again on the same data, or want other options.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { atEnd, test } from './suite.js';

const program = process.env.IRORI_PROGRAM;
const ADDRESS_LINE = 'export FIRESTORE_EMULATOR_HOST=';

/** A test that needs to start servers. It cannot run against a server that is already running, and says so. */
export function testWithOwnServer(name, body) {
  if (program) return test(name, body);
  return test(name, (t) => t.skip('starts and stops servers: run `cargo xtask test` without --server'));
}

/** A server on a free port with a data directory of its own; both go away with the test. */
export class OwnServer {
  static async start(t, options = []) {
    const server = new OwnServer();
    server.host = '127.0.0.1';
    server.port = 0;
    server.options = options;
    server.data = await mkdtemp(path.join(tmpdir(), 'irori-test-'));
    atEnd(t, async () => {
      await server.stop('SIGKILL');
      await rm(server.data, { recursive: true, force: true });
    });
    await server.run();
    return server;
  }

  /** Starts the program; after a stop, on the same data and at the same address. */
  async run() {
    const place = ['--listen', `${this.host}:${this.port}`, '--data', this.data];
    this.process = spawn(program, ['serve', ...place, ...this.options], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    for await (const line of createInterface({ input: this.process.stdout })) {
      if (!line.startsWith(ADDRESS_LINE)) continue;
      this.port = Number(line.split(':').at(-1));
      this.process.stdout.resume();
      return;
    }
    throw new Error('the server ended before it said where it listens');
  }

  /** Ends the program with a signal and waits until it is gone. */
  async stop(signal = 'SIGTERM') {
    this.process?.kill(signal);
    await this.ended;
  }
}
