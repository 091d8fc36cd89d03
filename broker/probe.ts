import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate, type Packet, parser } from 'mqtt-packet';
import { told } from '../runtime/log.js';

export interface ProbeSettings {
  /** As mqtt://host:1883 or mqtts://host:8883. */
  url: string;
  clientId: string;
  username: string;
  password?: string | undefined;
  /** What is shown and believed; PEM. */
  tls?: { ca?: string; cert?: string; key?: string } | undefined;
  /** A filter that it may subscribe to. */
  filter: string;
  /** Of each of three connections. */
  limitMs: number;
}

/** Versions of MQTT by their number in CONNECT. */
export const versions = { 3: '3.1', 4: '3.1.1', 5: '5' } as const;
type Level = keyof typeof versions;

/** What came back on one connection that spoke one version. */
interface Said {
  /** Code of the CONNACK; undefined: there was none. */
  code: number | undefined;
  /** QoS granted for the broker's own topics, and for the filter; 128: refused. */
  granted: readonly number[];
  /** Of $SYS, where it is told. */
  version: string | undefined;
}

export type Probe =
  | { state: 'unreachable'; reason: string; code: string }
  | { state: 'refused'; reason: string; code: number | undefined }
  | { state: 'in'; kind: string; speaks: string[]; subscribes: boolean };

const ownTopics = ['$SYS/broker/version', '$SYS/brokers/+/version'];
/** After the SUBACK: what is retained follows it. */
const retainedMs = 400;

/** Asks a broker what it is: by what it says of itself, else by how it behaves. Never throws. */
export async function probeBroker(settings: ProbeSettings): Promise<Probe> {
  try {
    const usual = await speak(settings, 4);
    if (usual.code === undefined) return { state: 'refused', code: undefined, reason: silence(settings) };
    const { code } = usual;
    if (code !== 0) return { state: 'refused', code, reason: refusals[code] ?? `code ${code}` };
    const none: Said = { code: undefined, granted: [], version: undefined };
    const [oldest, newest] = await Promise.all(
      ([3, 5] as const).map((level) => speak(settings, level).catch(() => none)),
    );
    const speaks = [
      [3, oldest!],
      [4, usual],
      [5, newest!],
    ] as const;
    const spoken = speaks.filter(([, { code }]) => code === 0).map(([level]) => versions[level]);
    const subscribes = (usual.granted.at(-1) ?? 128) < 128;
    return { state: 'in', kind: kindOf(usual, spoken), speaks: spoken, subscribes };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return { state: 'unreachable', reason: told(error) || code, code };
  }
}

const silence = ({ url }: ProbeSettings) =>
  isSecure(url) ? 'it closes without a word' : 'it answers no CONNECT: it is no MQTT broker';

const isSecure = (url: string) => /^(mqtts|tls|ssl):/.test(url);

/** Which broker behaves so. Seen: our own, Mosquitto 2.0, NATS 2.9, RabbitMQ 3.10. */
export function kindOf(
  { version, granted }: Pick<Said, 'version' | 'granted'>,
  speaks: readonly string[],
): string {
  if (version !== undefined) return version;
  const [own = 128, , filter = 128] = granted;
  const [old, new5] = [speaks.includes('3.1'), speaks.includes('5')];
  if (filter === 1) return old || new5 ? 'RabbitMQ, by its behaviour' : 'NATS, by its behaviour';
  if (own === 128 && old && !new5) return 'fleetune broker (Aedes), by its behaviour';
  return own < 128 && old && !new5 ? 'Aedes, by its behaviour' : 'of no kind known here';
}

/** MQTT 3.1.1, 3.2.2.3. */
const refusals: Record<number, string> = {
  1: 'it does not speak MQTT 3.1.1',
  2: 'it refuses the client id',
  3: 'it says that it is unavailable',
  4: 'bad user name or password',
  5: 'not authorized',
};

/** One connection: CONNECT, SUBSCRIBE at QoS 2, and a moment for what is retained. @throws what the network says */
function speak(settings: ProbeSettings, level: Level): Promise<Said> {
  const { clientId, username, password, filter, limitMs } = settings;
  const said = {
    code: undefined as number | undefined,
    granted: [] as number[],
    version: undefined as string | undefined,
  };
  return new Promise((resolve, reject) => {
    const socket = open(settings);
    const read = parser({ protocolVersion: level });
    let connected = false;
    const end = (error?: Error) => {
      clearTimeout(limit);
      socket.destroy();
      if (error) reject(error);
      else resolve(said);
    };
    const late = Object.assign(new Error(`no answer within ${limitMs / 1000} s`), { code: 'ETIMEDOUT' });
    const limit = setTimeout(() => (socket.bytesRead > 0 ? end() : end(late)), limitMs);
    const send = (packet: Packet) => socket.write(generate(packet, { protocolVersion: level }));
    socket.once(isSecure(settings.url) ? 'secureConnect' : 'connect', () => {
      connected = true;
      send({
        ...{ cmd: 'connect', protocolId: level === 3 ? 'MQIsdp' : 'MQTT', protocolVersion: level },
        ...{ clientId: `${clientId}-${level}`, clean: true, keepalive: 30, username },
        ...(password === undefined ? {} : { password: Buffer.from(password) }),
      });
    });
    socket.on('data', (bytes) => read.parse(bytes));
    // TLS 1.3 tells a client after its handshake that its certificate is not taken.
    socket.once('error', (error) => (connected && isSecure(settings.url) ? end() : end(error)));
    socket.once('close', () => end());
    read.once('error', () => end());
    read.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connack') {
        said.code = packet.returnCode ?? packet.reasonCode ?? 128;
        if (said.code !== 0 || level !== 4) return end();
        const subscriptions = [...ownTopics, filter].map((topic) => ({ topic, qos: 2 as const }));
        return void send({ cmd: 'subscribe', messageId: 1, subscriptions });
      }
      if (packet.cmd === 'suback') {
        said.granted = packet.granted as number[];
        return void setTimeout(end, retainedMs);
      }
      if (packet.cmd === 'publish' && packet.topic.startsWith('$SYS/')) {
        said.version = packet.payload.toString().slice(0, 100);
        end();
      }
    });
  });
}

function open({ url, tls }: ProbeSettings): Socket {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (!isSecure(url)) return connectTcp(Number(port || 1883), host);
  const name = isIP(host) ? {} : { servername: host };
  return connectTls({ ...tls, ...name, host, port: Number(port || 8883), minVersion: 'TLSv1.2' });
}
