/** A hub of the real one's layout and API, for one model: the hub itself and, on another port, its store of large files. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Asked {
  at: 'hub' | 'store';
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** Answers in the server's place, and says whether it did. */
export type Intercept = (asked: Asked, response: ServerResponse) => boolean | Promise<boolean>;

export interface TestHub {
  endpoint: string;
  /** Name → bytes; what is over `largeBytes` is stored as LFS or Xet files are. */
  files: Map<string, Buffer>;
  commit: string;
  asked: Asked[];
  /** Bytes of bodies that were sent. */
  sent: number;
  intercept: Intercept | undefined;
}

export const model = 'google/flan-t5-test';
const largeBytes = 64 * 1024;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const gitSha1 = (bytes: Buffer) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** Starts a hub that ends with the test. */
export async function startHub(t: TestContext, files: Record<string, Buffer | string>): Promise<TestHub> {
  const hub: TestHub = {
    endpoint: '',
    files: new Map(Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes)])),
    commit: 'c0ffee'.padEnd(40, '0'),
    asked: [],
    sent: 0,
    intercept: undefined,
  };
  let store = '';
  const answer =
    (at: Asked['at'], reply: (path: string, range: string | undefined, to: ServerResponse) => void) =>
    async (request: IncomingMessage, response: ServerResponse) => {
      const { range, authorization } = request.headers;
      const asked = { at, path: decodeURIComponent(request.url!.split('?')[0]!), range, authorization };
      hub.asked.push(asked);
      if (!(await hub.intercept?.(asked, response))) reply(asked.path, range, response);
    };
  const listen = async (reply: (request: IncomingMessage, response: ServerResponse) => void) => {
    const server = createServer(reply).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  store = await listen(answer('store', (path, range, to) => sendFile(hub, path.slice(1), range, to)));
  hub.endpoint = await listen(answer('hub', (path, range, to) => sendHub(hub, store, path, range, to)));
  return hub;
}

export const fail = (response: ServerResponse, status: number, code: string, error: string) => {
  response.writeHead(status, { 'content-type': 'application/json', 'x-error-code': code });
  response.end(JSON.stringify({ error }));
  return true;
};

function sendHub(
  hub: TestHub,
  store: string,
  path: string,
  range: string | undefined,
  to: ServerResponse,
): unknown {
  const json = (value: unknown, headers = {}) => {
    to.writeHead(200, { 'content-type': 'application/json', ...headers });
    to.end(JSON.stringify(value));
  };
  const revisions = ['main', hub.commit];
  const [, info] = new RegExp(`^/api/models/${model}/revision/(.+)$`).exec(path) ?? [];
  const [, tree] = new RegExp(`^/api/models/${model}/tree/([^/]+)(?:/rest)?$`).exec(path) ?? [];
  const [, revision, name] = new RegExp(`^/${model}/resolve/([^/]+)/(.+)$`).exec(path) ?? [];
  if (info && revisions.includes(info))
    return json({
      _id: '1',
      id: model,
      sha: hub.commit,
      private: false,
      lastModified: '2023-07-17T12:49:05.000Z',
    });
  if (tree && revisions.includes(tree)) {
    // Two pages, as long listings come.
    const entries = [...hub.files].map(([name, bytes]) => entryOf(name, bytes));
    if (path.endsWith('/rest')) return json(entries.slice(1));
    const next = `<${hub.endpoint}/api/models/${model}/tree/${tree}/rest>; rel="next"`;
    return json([{ type: 'directory', oid: '0'.repeat(40), size: 0, path: 'onnx' }, ...entries.slice(0, 1)], {
      link: next,
    });
  }
  if (info || tree || (revision && !revisions.includes(revision)))
    return fail(to, 404, 'RevisionNotFound', `Invalid rev id: ${info ?? tree ?? revision}`);
  const bytes = name && hub.files.get(name);
  if (name && !bytes) return fail(to, 404, 'EntryNotFound', 'Entry not found');
  if (!bytes) return fail(to, 401, 'RepoNotFound', 'Invalid username or password.');
  if (bytes.length <= largeBytes) return sendFile(hub, name, range, to);
  const headers = { 'x-linked-size': bytes.length, 'x-linked-etag': `"${sha256(bytes)}"` };
  return to.writeHead(302, { location: `${store}/${name}`, 'x-repo-commit': hub.commit, ...headers }).end();
}

function entryOf(path: string, bytes: Buffer) {
  const entry = { type: 'file', oid: gitSha1(bytes), size: bytes.length, path };
  if (bytes.length <= largeBytes) return entry;
  const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 134 };
  return { ...entry, oid: 'f'.repeat(40), lfs, xetHash: 'e'.repeat(64) };
}

function sendFile(hub: TestHub, name: string, range: string | undefined, to: ServerResponse): void {
  const bytes = hub.files.get(name)!;
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const headers = {
    'content-length': bytes.length - from,
    etag: `"${gitSha1(bytes)}"`,
    'accept-ranges': 'bytes',
  };
  if (range)
    to.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
  else to.writeHead(200, headers);
  hub.sent += bytes.length - from;
  to.end(bytes.subarray(from));
}
