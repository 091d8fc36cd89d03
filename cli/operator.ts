import { randomBytes } from 'node:crypto';
import {
  type ClientSettings,
  ConnectionLost,
  connectClient,
  type FleetClient,
  type Reach,
  reachOf,
} from '../broker/client.js';
import { holderOf, parseCertificate, readBundle } from '../identity/bundle.js';
import { renewBeside } from '../identity/renewal.js';
import { decode } from '../schemas/codec.js';
import type { Presence, TelemetryBatch } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { authoritySetting, fleetSettings, reachSettings } from '../schemas/service-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';
import type { CoordinatorPresence, FleetStatus, Refused, RunSummary } from '../schemas/status.js';
import { matchTopic, topicsOf } from '../schemas/topics.js';

const { fleet, connectS } = fleetSettings;

/** Settings of every command that speaks to a fleet. */
export const operatorSettings = {
  ...reachSettings,
  ...authoritySetting,
  fleet,
  connectS: { ...connectS, default: 10 },
  json: { kind: 'flag', default: false, help: 'print JSON, for programs' },
} satisfies SettingTable;

export type OperatorSettings = SettingsOf<typeof operatorSettings>;
/** Of those what it takes to connect. */
export type OperatorReach = Reach &
  Pick<OperatorSettings, 'fleet' | 'connectS'> &
  Partial<Pick<OperatorSettings, 'authority'>>;

/** What an operator hears. Retained messages come again at every reconnect. */
export interface OperatorHandlers {
  /** At every connection, before anything is heard, and where one is lost. */
  connected?(): void;
  disconnected?(): void;
  status?(status: FleetStatus): void;
  result?(summary: RunSummary): void;
  refused?(refused: Refused): void;
  coordinator?(presence: CoordinatorPresence): void;
  presence?(presence: Presence): void;
  telemetry?(batch: TelemetryBatch): void;
}

export interface Operator {
  /** Publishes a trigger. @param settings of the run, where they differ from the coordinator's own */
  start(id: string, settings: Record<string, unknown>): Promise<void>;
  stop(): Promise<void>;
  /** Until what the broker retains is in: the protocol has no sign for it, so a short silence is taken for one. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const silenceMs = 300;
const settleLimitMs = 5_000;
const maxPacketBytes = 1024 * 1024;

/** Connects as an operator, whose certificate no service renews. @throws Refusal where there is no broker at the address */
export async function connectOperator(reach: OperatorReach, handlers: OperatorHandlers): Promise<Operator> {
  const { fleet, connectS, tls = '', authority = '' } = reach;
  const renewed = await renewBeside({ tls, authority }, Date.now());
  const tellProblem = async () => {
    const problem = await renewed();
    if (problem) process.stderr.write(`${problem}\n`);
  };
  const topics = topicsOf(fleet);
  let heardMs = Date.now();
  const client = await new Promise<FleetClient>((resolve, reject) => {
    const settings: ClientSettings = {
      ...reachOf(reach, { role: 'operator' }),
      clientId: `operator-${randomBytes(6).toString('hex')}`,
      connectS,
      maxPacketBytes,
    };
    connectClient(settings, {
      async connected(connection) {
        handlers.connected?.();
        const { roundsStatus, roundsResult, roundsRefused, roundsCoordinator } = topics;
        await connection.subscribe([roundsStatus, roundsResult, roundsRefused, roundsCoordinator]);
        await connection.subscribe([topics.allPresence, topics.allTelemetry]);
        heardMs = Date.now();
        resolve(connection);
      },
      disconnected: () => handlers.disconnected?.(),
      message(topic, payload) {
        heardMs = Date.now();
        hear(topic, payload, handlers);
      },
      failed: reject,
    }).catch(reject);
  }).catch(async (error) => {
    await tellProblem();
    throw error;
  });
  const trigger = async (topic: string, payload: string) => {
    requireOperator(reach.tls);
    await client.publish(topic, payload).catch((error) => {
      if (!(error instanceof ConnectionLost)) throw error;
      throw new Refusal(`${error.message}: the coordinator may have it or not; try again`);
    });
  };
  return {
    start: (id, settings) => trigger(topics.roundsStart, JSON.stringify({ id, ...settings })),
    stop: () => trigger(topics.roundsStop, ''),
    async settled() {
      const startMs = Date.now();
      while (Date.now() - heardMs < silenceMs && Date.now() - startMs < settleLimitMs) await silence();
    },
    async close() {
      await client.stop();
      await tellProblem();
    },
  };
}

/** A broker drops a trigger of anybody else without a word. */
function requireOperator(folder = ''): void {
  const own = folder === '' ? undefined : readBundle(folder).own;
  const { name, role } = own ? holderOf(parseCertificate(own.certificate, folder)) : {};
  if (role !== undefined && role !== 'operator')
    throw new Refusal(
      `${folder} (--tls) is the bundle of ${role} ${name}: runs are started and stopped by an operator`,
    );
}

const silence = () => new Promise((resolve) => setTimeout(resolve, silenceMs / 3));

/** A payload that is not what its topic says is another's mistake: it is left out, and the fleet goes on. */
function hear(topic: string, payload: Uint8Array, handlers: OperatorHandlers): void {
  const match = matchTopic(topic);
  if (payload.length === 0) return;
  try {
    if (match?.kind === 'presence') handlers.presence?.(decode('Presence', payload, topic));
    else if (match?.kind === 'telemetry') handlers.telemetry?.(decode('TelemetryBatch', payload, topic));
    else if (match?.kind === 'roundsStatus') handlers.status?.(readFormat(payload, topic));
    else if (match?.kind === 'roundsResult') handlers.result?.(readFormat(payload, topic));
    else if (match?.kind === 'roundsCoordinator') handlers.coordinator?.(readFormat(payload, topic));
    else if (match?.kind === 'roundsRefused') handlers.refused?.(JSON.parse(Buffer.from(payload).toString()));
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof SyntaxError)) throw error;
  }
}

/** A JSON message of the one format known here. */
function readFormat<T extends { format: 1 }>(payload: Uint8Array, topic: string): T {
  const value = JSON.parse(Buffer.from(payload).toString()) as T;
  if (value.format !== 1) throw new Refusal(`${topic}: format ${value.format}, expected 1`);
  return value;
}
