// A reverse proxy between tabs and server: it streams or it buffers, can be cut, and counts what it carries.

import { createServer, request as forward } from 'node:http';

import { atEnd } from '../node/suite.js';

/** Stands in for the middle boxes of the real network. */
export class ReverseProxy {
  /** Bytes that servers have sent to tabs over channels. */
  carried = 0;
  /** The back channels' requests: whether each was for streaming (CI=0) or for one batch at a time (CI=1). */
  backChannels = [];
  /** Sees each message that a tab sends over a channel, and may change it. */
  rewrite = null;
  #cut = false;
  #sockets = new Set();

  /** Starts a proxy for a server at `{ host, port }`. With `buffering`, an answer is passed on when it is complete. */
  static async start(t, { host, port }, { buffering = false } = {}) {
    const proxy = new ReverseProxy();
    proxy.to = { host, port };
    proxy.buffering = buffering;
    const server = createServer((request, response) => proxy.#pass(request, response));
    server.on('connection', (socket) => proxy.#connected(socket));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy.host = '127.0.0.1';
    proxy.port = server.address().port;
    atEnd(t, () => {
      proxy.cut();
      server.close();
    });
    return proxy;
  }

  /** Breaks every connection and refuses new ones. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#cut = false;
  }

  #connected(socket) {
    if (this.#cut) return socket.destroy();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #pass(request, response) {
    const { method, url, headers } = request;
    const channel = url.includes('/channel?');
    if (channel && method === 'GET') this.backChannels.push(new URL(url, 'http://proxy').searchParams.get('CI'));
    const onward = forward({ ...this.to, method, path: url, headers }, (answer) => {
      if (channel) answer.on('data', (bytes) => (this.carried += bytes.length));
      answer.on('error', () => response.destroy());
      if (this.buffering) this.#passWhole(answer, response);
      else answer.pipe(response.writeHead(answer.statusCode, answer.headers));
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    if (channel && method === 'POST' && this.rewrite) this.#passRewritten(request, onward);
    else request.pipe(onward);
  }

  async #passRewritten(request, onward) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const form = new URLSearchParams(Buffer.concat(parts).toString());
    for (const [name, value] of [...form]) {
      if (!name.endsWith('___data__')) continue;
      const message = JSON.parse(value);
      this.rewrite(message);
      form.set(name, JSON.stringify(message));
    }
    const body = Buffer.from(form.toString());
    onward.setHeader('Content-Length', body.length);
    onward.end(body);
  }

  #passWhole(answer, response) {
    const parts = [];
    answer.on('data', (bytes) => parts.push(bytes));
    answer.on('end', () => response.writeHead(answer.statusCode, answer.headers).end(Buffer.concat(parts)));
  }
}
