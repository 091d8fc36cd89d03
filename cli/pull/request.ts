import { Refusal } from '../../schemas/refusal.js';
import type { Access } from './access.js';
import { Interruption } from './patience.js';

/** What is asked for, for the text of a refusal. */
export interface Subject {
  model: string;
  revision: string;
}

/**
 * A fetch with the hub's manners: the token goes to the endpoint's own origin only (a redirect elsewhere goes without,
 * as fetch itself drops it there), and an answer that is no success is thrown as what it means.
 * @throws Refusal for what a person must mend, Interruption for what may pass
 */
export function hubFetch(access: Access, subject: Subject): typeof fetch {
  const home = new URL(access.endpoint).origin;
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    if (access.token && url.origin === home) headers.set('authorization', `Bearer ${access.token}`);
    const response = await fetch(url, { ...init, headers }).catch((cause: Error) => {
      throw init?.signal?.aborted
        ? cause
        : new Interruption(`${url.host} can't be reached (${reasonOf(cause)})`);
    });
    if (!response.ok) throw await failureOf(response, access, subject, home);
    return response;
  };
}

/** The deepest cause's code or words: fetch itself says only that it failed. */
export function reasonOf(error: unknown): string {
  const { code, message, cause } = error as NodeJS.ErrnoException & { cause?: unknown };
  return cause === undefined ? (code ?? message) : reasonOf(cause);
}

async function failureOf(
  response: Response,
  access: Access,
  { model, revision }: Subject,
  home: string,
): Promise<Error> {
  const { status, headers } = response;
  const said = await saidBy(response);
  const page = `${access.endpoint}/${model}`;
  const code = headers.get('x-error-code');
  const host = new URL(response.url || home).host;
  if (status === 408 || status === 429 || status >= 500)
    return new Interruption(`${host} answered ${status}${said}`, {
      waitMs: 1000 * (Number(headers.get('retry-after')) || 0),
    });
  // A store of bytes that refuses has an address that ran out: the next try asks the hub for a new one.
  if (new URL(response.url || home).origin !== home) return new Interruption(`${host} answered ${status}`);
  const giveToken = 'set HF_TOKEN, or save one with `hf auth login`';
  if (code === 'GatedRepo' || status === 403)
    return new Refusal(
      `${model} is gated${said}: ask for access on ${page}, then give a token of that account: ${giveToken}`,
    );
  if (status === 401)
    return new Refusal(
      access.token
        ? `the hub does not accept the token, or it may not read ${model}${said}: ${giveToken}`
        : `the hub shows ${model} to nobody without a token${said}: check the name; if it is private or gated, ${giveToken}`,
    );
  if (code === 'RevisionNotFound')
    return new Refusal(
      `${model} has no revision "${revision}": expected a branch, a tag or a commit of ${page}`,
    );
  if (code === 'EntryNotFound')
    return new Refusal(
      `${new URL(response.url).pathname}: the hub lists this file and does not have it${said}`,
    );
  if (status === 404)
    return new Refusal(`${access.endpoint} has no model ${model}, or no revision "${revision}" of it${said}`);
  return new Refusal(`the hub answered ${status} for ${model}${said}`);
}

const maxSaidBytes = 2 ** 16;

/** The server's own words, short; of a page that is long, none. */
async function saidBy(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of response.body ?? []) {
      bytes += piece.length;
      if (bytes > maxSaidBytes) return ''; // To leave off is to close.
      pieces.push(piece);
    }
    const { error } = JSON.parse(Buffer.concat(pieces).toString()) as { error?: unknown };
    return typeof error === 'string' ? ` ("${error.slice(0, 200)}")` : '';
  } catch {
    return '';
  }
}
