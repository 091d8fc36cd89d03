import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';

export interface Login {
  username: string;
  clientId: string;
  /** PEM: what it shows, and whom it believes. */
  tls?: { cert: string; key: string; ca: string };
}

/** A client that says what it likes and remembers all that it hears: what a broker lets pass is seen by its effect. */
export class Talker {
  readonly #client: MqttClient;
  readonly #heard = new Map<string, { retained: boolean }[]>();
  readonly #waiting = new Set<() => void>();

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('message', (topic, payload, { retain }) => {
      const key = `${topic} ${payload}`;
      this.#heard.set(key, [...(this.#heard.get(key) ?? []), { retained: retain }]);
      for (const look of this.#waiting) look();
    });
  }

  /** @returns undefined where the broker does not let it in */
  static async join(url: string, login: Login, options: IClientOptions = {}): Promise<Talker | undefined> {
    const { tls, ...user } = login;
    const client = mqtt.connect(url, {
      ...{ protocolVersion: 4, clean: true, reconnectPeriod: 0, resubscribe: false },
      ...{ ...user, ...tls, ...options },
    });
    const talker = new Talker(client);
    // A packet is several small writes: where they wait for acks (Nagle), every question takes 40 ms more.
    (client.stream as { setNoDelay?(on: boolean): void }).setNoDelay?.(true);
    client.on('error', () => undefined);
    const entered = await new Promise<boolean>((done) => {
      client.once('connect', () => done(true));
      client.once('close', () => done(false));
    });
    return entered ? talker : undefined;
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  /** Every topic that something was heard on. */
  get topics(): string[] {
    return [...this.#heard.keys()].map((key) => key.slice(0, key.indexOf(' ')));
  }

  async publish(topic: string, payload: string, retain = false): Promise<void> {
    await this.#client.publishAsync(topic, payload, { qos: 1, retain });
  }

  /** @returns whether the broker says that it grants it */
  subscribe(filter: string): Promise<boolean> {
    return new Promise((done, failed) =>
      this.#client.subscribe(filter, { qos: 1 }, (error, _granted, packet) => {
        if (packet && 'granted' in packet) done(packet.granted?.[0] !== 0x80);
        else failed(error ?? new Error(`no answer to a subscription to ${filter}`));
      }),
    );
  }

  heard(topic: string, payload: string, { retained }: { retained?: boolean } = {}): boolean {
    const times = this.#heard.get(`${topic} ${payload}`) ?? [];
    return times.some((time) => retained === undefined || time.retained === retained);
  }

  /** Resolves when it is heard. */
  async hears(topic: string, payload: string): Promise<void> {
    if (this.heard(topic, payload)) return;
    await new Promise<void>((done) => {
      const look = () => {
        if (!this.heard(topic, payload)) return;
        this.#waiting.delete(look);
        done();
      };
      this.#waiting.add(look);
    });
  }

  async end(): Promise<void> {
    await this.#client.endAsync();
  }

  /** Goes without a goodbye, so that its will counts. */
  async die(): Promise<void> {
    this.#client.stream.destroy();
    await this.#client.endAsync(true);
  }
}
