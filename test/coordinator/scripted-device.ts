import { createHash } from 'node:crypto';
import { connectClient, type FleetClient } from '../../broker/client.js';
import { decode, encode } from '../../schemas/codec.js';
import { encodeTensors } from '../../schemas/codecs.js';
import type { Chunk, Presence, Receipt, Task, TaskKey, Update } from '../../schemas/messages.js';
import { decodeSafetensors, type NamedTensors } from '../../schemas/tensors.js';
import { matchTopic, topicsOf } from '../../schemas/topics.js';

/** How a scripted device differs from one that does all as it should. */
export interface Script {
  id: string;
  /** Added to every value of the adapter in every round. */
  step: number;
  examples: number;
  evaluationExamples?: number;
  modelSha256?: string;
  /** Changes an update before it is sent; null: says nothing. */
  change?: (update: Update, task: Task) => Update | null;
  /** The chunks that are sent first, in this order; after them the coordinator's receipts lead. */
  order?: (chunks: Chunk[]) => Chunk[];
}

export interface ScriptedDevice {
  /** Every receipt that came. */
  receipts: Receipt[];
  /** Every task that came. */
  tasks: Task[];
  client: FleetClient;
  /** Sends the first chunk of a finished task's update again. */
  offer(key: TaskKey): void;
  /** Goes as one that was told to stop. */
  leave(): Promise<void>;
  stop(): Promise<void>;
}

export const fleet = 'test';
export const modelSha256 = 'c'.repeat(64);
const chunkBytes = 64;
const topics = topicsOf(fleet);

/** A device without an engine, on the real broker with the real messages: its training adds `step`. */
export async function startDevice(url: string, script: Script): Promise<ScriptedDevice> {
  const { id } = script;
  const receipts: Receipt[] = [];
  const tasks: Task[] = [];
  const uploads = new Map<string, Chunk[]>();
  let download = new Map<number, Chunk>();
  let waiting: Task | undefined;
  let session = 0;

  const client = await connectClient(
    {
      url,
      clientId: id,
      username: 'device',
      connectS: 10,
      maxPacketBytes: 2 ** 20,
      will: { topic: topics.presence(id), payload: encode('Presence', presence(1, false)), retain: true },
    },
    {
      async connected(connection) {
        session = Math.max(Date.now(), session + 1);
        await connection.subscribe([topics.task(id), topics.receipt(id)]);
        await connection.publish(topics.presence(id), encode('Presence', presence(session, true)), {
          retain: true,
        });
      },
      message(topic, payload) {
        const match = matchTopic(topic);
        if (match?.kind === 'task') onTask(decode('Task', payload, topic));
        if (match?.kind === 'receipt') onReceipt(decode('Receipt', payload, topic));
        if (match?.kind === 'adapterChunk' && payload.length > 0) onChunk(decode('Chunk', payload, topic));
      },
    },
  );
  const offer = (key: TaskKey) => send(uploads.get(nameOf({ key }))?.[0]);
  const leave = async () => {
    const goodbye = encode('Presence', { ...presence(session, false), stopped: true });
    await client.publish(topics.presence(id), goodbye, { retain: true });
    await client.stop();
  };
  return { receipts, tasks, client, offer, leave, stop: () => client.stop() };

  function presence(session: number, online: boolean): Presence {
    const { evaluationExamples = 5, examples } = script;
    const model = script.modelSha256 ?? modelSha256;
    const counts = { trainExamples: examples, evaluationExamples };
    return { deviceId: id, session, online, modelSha256: model, ...counts, version: 'test', problem: '' };
  }

  function onTask(task: Task): void {
    tasks.push(task);
    if (task.key.kind === 'cancel') return;
    const chunks = uploads.get(nameOf(task));
    if (chunks) {
      send(chunks[0]);
      return;
    }
    if (task.key.kind === 'init') {
      answer(task, new Map([['w', tensor([0.5, -1, 2, 0])]]));
      return;
    }
    waiting = task;
    download = new Map();
    client.subscribe(chunksOf(task)).catch(lost);
  }

  function onChunk(chunk: Chunk): void {
    if (!waiting || chunk.sha256 !== waiting.baseSha256) return;
    download.set(chunk.index, { ...chunk, data: chunk.data.slice() });
    if (download.size < chunk.count) return;
    const task = waiting;
    waiting = undefined;
    client.unsubscribe(chunksOf(task)).catch(lost);
    const bytes = Buffer.concat([...download].sort(([a], [b]) => a - b).map(([, { data }]) => data));
    const adapter = decodeSafetensors(bytes, 'download');
    const delta = tensor([...adapter.get('w')!.data].map(() => script.step));
    answer(task, task.key.kind === 'evaluate' ? new Map() : new Map([['w', delta]]));
  }

  function answer(task: Task, tensors: NamedTensors): void {
    const honest: Update = {
      key: task.key,
      deviceId: id,
      baseVersion: task.baseVersion,
      baseSha256: task.baseSha256,
      codec: tensors.size > 0 ? 'f32' : '',
      tensors: tensors.size > 0 ? encodeTensors('f32', tensors) : [],
      measures: {
        examples: script.examples,
        steps: 2,
        tokens: 20,
        labelTokens: 10 * script.examples,
        loss: Math.abs(script.step),
        seconds: 1,
        bytesDown: 100,
        ...(task.key.kind === 'evaluate'
          ? { rouge1: 10, rouge2: 5, rougeL: 20 * Math.abs(script.step) }
          : {}),
      },
      failure: '',
    };
    const update = script.change ? script.change(honest, task) : honest;
    if (!update) return;
    const bytes = encode('Update', update);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const count = Math.ceil(bytes.length / chunkBytes);
    const chunks = Array.from({ length: count }, (_, index) => {
      const data = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      return { key: task.key, sha256, index, count, totalBytes: bytes.length, data };
    });
    uploads.set(nameOf(task), chunks);
    for (const chunk of script.order?.(chunks) ?? chunks.slice(0, 1)) send(chunk);
  }

  function onReceipt(receipt: Receipt): void {
    receipts.push(receipt);
    const chunks = uploads.get(nameOf(receipt));
    if (receipt.state === 'receiving' && chunks?.[0]?.sha256 === receipt.sha256)
      send(chunks[receipt.nextChunk]);
  }

  function send(chunk: Chunk | undefined): void {
    if (chunk) client.publish(topics.update(id, chunk.key!.round), encode('Chunk', chunk)).catch(lost);
  }
}

const chunksOf = ({ key, baseVersion }: Task) =>
  Array.from({ length: 8 }, (_, i) => topics.adapterChunk(key.run, baseVersion, i));
/** A broker or device that ends takes what was asked of it along. */
const lost = () => undefined;
const tensor = (values: number[]) => ({ shape: [2, 2], data: Float32Array.from(values) });
const nameOf = ({ key }: { key: TaskKey }) => `${key.run} ${key.round} ${key.kind}`;
