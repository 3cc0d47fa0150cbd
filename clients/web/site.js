// The web site that the tabs open: a blank page with the SDK's browser bundles, and the live page of the examples.

import { readFileSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const packages = path.join(here, '../node_modules');
// The suite runs in a linked directory beside the packages; the examples are where it really is.
const live = path.join(realpathSync(here), '../../examples/live');
/** What the site serves: the beginning of a path, and the directory that the rest of it is looked up in. */
const PLACES = {
  '/sdk/': path.join(packages, 'firebase'),
  '/page/': path.join(here, 'page'),
  '/node/': path.join(here, '../node'),
  '/live/sdk/': path.join(packages, 'firebase'),
  '/live/': live,
};
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };

/** The version of the SDK that the lock file pins. */
export const { version: sdkVersion } = JSON.parse(readFileSync(sdkFile('package.json'), 'utf8'));
/** The address of the live page as a file. */
export const livePage = pathToFileURL(path.join(live, 'index.html')).href;

/** Where a file of the SDK is. */
export function sdkFile(name) {
  return path.join(packages, 'firebase', name);
}

/** Starts the site on a free port of loopback. Returns its address, and the server to close. */
export async function startSite() {
  const blank = blankPage();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    const content = pathname === '/' ? blank : await fileAt(pathname);
    if (content === null) return response.writeHead(404).end();
    const type = TYPES[path.extname(pathname)] ?? TYPES['.html'];
    response.writeHead(200, { 'Content-Type': type }).end(request.method === 'HEAD' ? undefined : content);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, server };
}

async function fileAt(pathname) {
  const place = Object.keys(PLACES).find((beginning) => pathname.startsWith(beginning));
  if (!place || pathname.includes('..')) return null;
  const name = pathname.slice(place.length) || 'index.html';
  return readFile(path.join(PLACES[place], name)).catch(() => null);
}

/** The bundles import each other from Google's CDN; the import map keeps that on this site. */
function blankPage() {
  const imports = {
    [`https://www.gstatic.com/firebasejs/${sdkVersion}/firebase-app.js`]: '/sdk/firebase-app.js',
    'firebase/app': '/sdk/firebase-app.js',
    'firebase/firestore': '/sdk/firebase-firestore.js',
    'firebase/firestore/lite': '/sdk/firebase-firestore-lite.js',
  };
  return `<!doctype html><meta charset="utf-8"><title>Irori</title>
<script type="importmap">${JSON.stringify({ imports })}</script>`;
}
