import { createHash } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { FleetClient } from '../../broker/client.js';
import type { Secrets } from '../../broker/connection.js';
import { decode, encode } from '../../schemas/codec.js';
import type { Chunk, Manifest, Point, Presence, Receipt, Task, Update } from '../../schemas/messages.js';
import { encodeSafetensors, type NamedTensors } from '../../schemas/tensors.js';
import { matchTopic, topicsOf } from '../../schemas/topics.js';
import { Events, join } from '../broker/rig.js';

const topics = topicsOf('test');
const everything = [topics.allPresence, topics.allUpdates, topics.allTelemetry];

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What a chunk is answered with: nothing, or receipts; `honest` is what a coordinator says. */
export type Answer = (chunk: Chunk, honest: Receipt, seen: number) => Receipt[];

/** A coordinator that does what a test tells it. */
export interface ScriptedCoordinator {
  client: FleetClient;
  presences: Events<Presence>;
  chunks: Events<Chunk>;
  updates: Events<Update>;
  points: Events<Point>;
  answer: Answer;
  /** Tells a device its task. */
  tell(device: string, task: Task): Promise<void>;
  /** Publishes a version of an adapter, retained, and tells its manifest. */
  publishAdapter(
    run: string,
    version: number,
    tensors: NamedTensors,
    chunkBytes?: number,
    harm?: (chunk: Chunk) => Chunk | undefined,
  ): Promise<Manifest>;
  send(device: string, receipt: Receipt): Promise<void>;
}

export async function startCoordinator(
  t: TestContext,
  url: string,
  secrets: () => Secrets = () => ({}),
): Promise<ScriptedCoordinator> {
  const parts = new Map<string, Uint8Array[]>();
  const [presences, chunks] = [new Events<Presence>(), new Events<Chunk>()];
  const [updates, points] = [new Events<Update>(), new Events<Point>()];

  async function take(device: string, chunk: Chunk): Promise<void> {
    chunks.add(chunk);
    const { key, sha256 } = chunk;
    const part = parts.get(sha256) ?? [];
    parts.set(sha256, part);
    const wasWhole = part.length === chunk.count;
    if (chunk.index === part.length) part.push(Uint8Array.from(chunk.data));
    const whole = part.length === chunk.count;
    const bytes = Buffer.concat(part);
    const honest: Receipt = {
      key: key!,
      sha256,
      state: whole ? 'accepted' : 'receiving',
      nextChunk: part.length,
      reason: '',
    };
    if (whole && !wasWhole && sha256Of(bytes) === sha256)
      updates.add(decode('Update', bytes, 'a whole update'));
    for (const receipt of coordinator.answer(chunk, honest, chunks.all.length)) await send(device, receipt);
  }

  // The broker may be gone.
  const send = (device: string, receipt: Receipt) =>
    client.publish(topics.receipt(device), encode('Receipt', receipt)).catch(() => {});

  const { client } = await join(t, url, 'coordinator', 'coordinator-1', {
    secrets,
    maxPacketBytes: 2 ** 20,
    connected: (connection) => connection.subscribe(everything),
    message: async (topic, payload) => {
      const match = matchTopic(topic);
      if (match?.kind === 'presence') presences.add(decode('Presence', payload, topic));
      if (match?.kind === 'update') await take(match.device, decode('Chunk', payload, topic));
      if (match?.kind === 'telemetry') {
        const { points: taken, batch } = decode('TelemetryBatch', payload, topic);
        for (const point of taken) points.add(point);
        const receipt = encode('TelemetryReceipt', { batch, reason: '' });
        await client.publish(topics.telemetryReceipt(match.device), receipt).catch(() => {});
      }
    },
  });

  const coordinator: ScriptedCoordinator = {
    client,
    presences,
    chunks,
    updates,
    points,
    answer: (_chunk, honest) => [honest],
    send,
    tell: (device, task) => client.publish(topics.task(device), encode('Task', task)),
    async publishAdapter(run, version, tensors, chunkBytes = 1024, harm = (chunk) => chunk) {
      const bytes = encodeSafetensors(tensors);
      const sha256 = sha256Of(bytes);
      const totalBytes = bytes.length;
      const count = Math.ceil(totalBytes / chunkBytes);
      const manifest = { run, version, sha256, totalBytes, chunkBytes, count };
      await client.publish(topics.manifest(run, version), encode('Manifest', manifest), { retain: true });
      for (let index = 0; index < count; index++) {
        const data = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
        const chunk = harm({ sha256, index, count, totalBytes, data });
        if (!chunk) continue;
        await client.publish(topics.adapterChunk(run, version, index), encode('Chunk', chunk), {
          retain: true,
        });
      }
      return manifest;
    },
  };
  return coordinator;
}
