import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Refusal } from '../../schemas/refusal.js';

/** Where the hub is, and what lets us in. Environment variables are those of the hub's own client. */
export interface Access {
  /** HF_ENDPOINT or the hub itself; no slash at its end. */
  endpoint: string;
  /** '' for none. */
  token: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Refusal for an HF_ENDPOINT that is no address, or a token that no header can hold */
export async function readAccess(env: Environment): Promise<Access> {
  const endpoint = (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  if (!/^https?:$/.test(protocolOf(endpoint)))
    throw new Refusal(
      `HF_ENDPOINT is "${endpoint}", expected the address of a hub, as https://huggingface.co`,
    );
  const token = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || (await tokenFile(env))).trim();
  if (!/^[\x21-\x7e]*$/.test(token))
    throw new Refusal('the hub token (HF_TOKEN or its file) holds spaces or characters that no token has');
  return { endpoint, token };
}

/** What `hf auth login` leaves on a machine. */
async function tokenFile(env: Environment): Promise<string> {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  return readFile(env.HF_TOKEN_PATH || join(home, 'token'), 'utf8').catch(() => '');
}

function protocolOf(address: string): string {
  try {
    return new URL(address).protocol;
  } catch {
    return '';
  }
}
