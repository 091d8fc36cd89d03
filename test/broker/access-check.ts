import { may, type Right } from '../../broker/access.js';
import type { Role } from '../../schemas/roles.js';
import { topicsOf } from '../../schemas/topics.js';
import {
  everybody,
  everyTopic,
  fleet,
  type Subject,
  strays,
  subjects,
  victim,
  wideFilters,
} from './access-topics.js';
import { type Login, Talker } from './talker.js';

/** A broker under test. */
export interface CheckedBroker {
  name: string;
  url: string;
  login(role: Role, id: string): Login;
  /**
   * Who hear everything and may publish `rounds/start`: one is there, one comes late, again and again, for what is
   * retained. Where there are none, only what each role receives is checked.
   */
  witnesses?: readonly [Login, Login];
  /** The rights that this broker can tell from publishing; the others come with it. */
  tells: readonly Right[];
  /** A role that hears everything, as an operator where nothing is proven. */
  hearsAll?: Role;
}

export interface Outcome {
  allowed: number;
  refused: number;
  /** What happened against the rules, one line each. */
  wrong: string[];
}

/**
 * Tries, with real packets, every topic × role × direction, and compares what came of it with the rules. What
 * counts is what somebody heard, whatever the broker answered.
 */
export async function checkAccess(broker: CheckedBroker): Promise<Outcome> {
  const check = await Check.start(broker);
  try {
    if (broker.witnesses) {
      await check.publishing();
      await check.retaining();
      await check.clearing();
      await check.wills();
    }
    await check.receiving();
    await check.takeovers();
    return check.outcome;
  } finally {
    await check.stop();
  }
}

class Check {
  readonly outcome: Outcome = { allowed: 0, refused: 0, wrong: [] };
  readonly #broker: CheckedBroker;
  readonly #witness: Talker | undefined;
  readonly #talkers: Map<string, Talker>;
  readonly #topics: string[];
  readonly #filters: string[];
  #count = 0;

  static async start(broker: CheckedBroker): Promise<Check> {
    const witness = broker.witnesses && (await joined(broker, broker.witnesses[0]));
    await witness?.subscribe('#');
    const talkers = new Map<string, Talker>();
    for (const { role, id } of everybody) talkers.set(id, await joined(broker, broker.login(role, id)));
    return new Check(broker, witness, talkers);
  }

  private constructor(broker: CheckedBroker, witness: Talker | undefined, talkers: Map<string, Talker>) {
    this.#broker = broker;
    this.#witness = witness;
    this.#talkers = talkers;
    const { topics, filters } = everyTopic();
    this.#topics = topics;
    this.#filters = wideFilters(filters);
  }

  async stop(): Promise<void> {
    for (const talker of [this.#witness, ...this.#talkers.values()]) await talker?.end();
  }

  async publishing(): Promise<void> {
    const cases = subjects.flatMap((subject) =>
      [...this.#topics, ...strays].map((topic) => ({ subject, topic, payload: this.#payload() })),
    );
    for (const { subject, topic, payload } of cases) await this.#as(subject).publish(topic, payload);
    await this.#settled();
    for (const { subject, topic, payload } of cases)
      this.#judge(`${subject.role} publishes ${topic}`, this.#may(subject, 'publish', topic), () =>
        this.#witness!.heard(topic, payload),
      );
  }

  async retaining(): Promise<void> {
    for (const subject of subjects) {
      const payload = this.#payload();
      for (const topic of this.#topics) await this.#as(subject).publish(topic, payload, true);
      const kept = await this.#kept();
      for (const topic of this.#topics)
        this.#judge(`${subject.role} retains ${topic}`, this.#may(subject, 'retain', topic), () =>
          kept.heard(topic, payload, { retained: true }),
        );
      await this.#wipe();
    }
  }

  /** Whether a role can clear what others left retained. */
  async clearing(): Promise<void> {
    for (const subject of subjects) {
      const seeded = await this.#seed();
      for (const topic of seeded.keys()) await this.#as(subject).publish(topic, '', true);
      const kept = await this.#kept();
      for (const [topic, payload] of seeded)
        this.#judge(
          `${subject.role} clears ${topic}`,
          this.#may(subject, 'retain', topic) || this.#may(subject, 'clear', topic),
          () => !kept.heard(topic, payload, { retained: true }),
        );
      await this.#wipe();
    }
  }

  async wills(): Promise<void> {
    for (const subject of subjects) {
      for (const retain of [false, true]) {
        const payload = this.#payload();
        await this.#as(subject).end(); // Its identity's session is one.
        for (const topic of this.#topics) await this.#dieWith(subject, topic, payload, retain);
        await this.#anew(subject);
        const kept = await this.#kept();
        for (const topic of this.#topics) {
          const allowed =
            this.#may(subject, 'will', topic) && (!retain || this.#may(subject, 'retain', topic));
          this.#judge(`${subject.role} has a ${retain ? 'retained ' : ''}will on ${topic}`, allowed, () =>
            (retain ? kept : this.#witness!).heard(topic, payload),
          );
        }
        await this.#wipe();
      }
    }
  }

  /** Live and retained; topic by topic, and again with filters that match more than a role may have. */
  async receiving(): Promise<void> {
    for (const filters of [this.#topics, this.#filters]) {
      const exact = filters === this.#topics;
      for (const subject of subjects) {
        const retained = await this.#seed();
        const listener = await this.#anew(subject);
        for (const filter of filters) await listener.subscribe(filter);
        const live = new Map<string, string>();
        for (const topic of this.#topics) live.set(topic, await this.#published(topic));
        await this.#settled();
        await this.#caughtUp(subject, listener);
        for (const [how, messages] of Object.entries({ live, retained }))
          for (const [topic, payload] of messages) {
            const allowed = subject.role === this.#broker.hearsAll || may(subject, 'receive', topic);
            // With wide filters a role may get less than it could, never more.
            if (exact || !allowed)
              this.#judge(
                `${subject.role} receives ${topic} (${how}${exact ? '' : ', by a wider filter'})`,
                allowed,
                () => listener.heard(topic, payload),
              );
          }
        const own = listener.topics.find((topic) => topic.startsWith('$'));
        this.#judge(`${subject.role} receives the broker’s own topics`, false, () => own !== undefined);
        await this.#wipe();
      }
    }
  }

  /** Whoever comes with the client id of another device does not end its session. */
  async takeovers(): Promise<void> {
    const task = topicsOf(fleet).task(victim.id);
    const { clientId } = this.#broker.login('device', victim.id);
    await this.#anew(victim);
    await this.#as(victim).subscribe(task);
    for (const { role, id } of subjects) {
      const login = this.#broker.login(role, id);
      if (role === 'device' && !login.tls) continue; // Nothing is proven: whoever says so is that device.
      await this.#as({ role, id }).end();
      const thief = await Talker.join(this.#broker.url, { ...login, clientId });
      await thief?.end();
      await this.#anew({ role, id });
      const payload = await this.#published(task);
      await this.#settled();
      if (this.#as(victim).connected) await this.#as(victim).hears(task, payload);
      this.#judge(`${role} ends the session of ${victim.id}`, false, () => !this.#as(victim).connected);
    }
  }

  #judge(what: string, allowed: boolean, happened: () => boolean): void {
    if (happened() !== allowed)
      this.outcome.wrong.push(`${this.#broker.name}: ${what}: ${allowed ? 'refused' : 'allowed'}`);
    else if (allowed) this.outcome.allowed++;
    else this.outcome.refused++;
  }

  /** What the rules say, as far as the broker can tell it from publishing. */
  #may(subject: Subject, right: Right, topic: string): boolean {
    if (this.#broker.tells.includes(right) || right === 'publish') return may(subject, right, topic);
    return right !== 'clear' && may(subject, 'publish', topic);
  }

  #as({ id }: Subject): Talker {
    return this.#talkers.get(id)!;
  }

  #payload(): string {
    return `message-${++this.#count}`;
  }

  /** Resolves when all that was published before has come to those who get it. */
  async #settled(listener = this.#witness, times = 2): Promise<void> {
    const { roundsStart } = topicsOf(fleet);
    for (let time = 0; time < times; time++) {
      const payload = this.#payload();
      await this.#witness?.publish(roundsStart, payload);
      await listener?.hears(roundsStart, payload);
    }
  }

  /** Publishes by one who may. @returns the payload */
  async #published(topic: string, retain = false): Promise<string> {
    const payload = this.#payload();
    const author = everybody.find((one) => this.#may(one, retain ? 'retain' : 'publish', topic));
    if (!author) throw new Error(`nobody may publish ${topic}${retain ? ' retained' : ''}`);
    await this.#as(author).publish(topic, payload, retain);
    return payload;
  }

  /** Resolves when a listener has heard all that was published before and it gets. */
  async #caughtUp(subject: Subject, listener: Talker): Promise<void> {
    const topic = this.#topics.find((one) => may(subject, 'receive', one));
    if (!topic) throw new Error(`a ${subject.role} may hear nothing`);
    await listener.subscribe(topic);
    await listener.hears(topic, await this.#published(topic));
  }

  /** Leaves something retained wherever somebody may. */
  async #seed(): Promise<Map<string, string>> {
    const seeded = new Map<string, string>();
    for (const topic of this.#topics)
      if (everybody.some((one) => this.#may(one, 'retain', topic)))
        seeded.set(topic, await this.#published(topic, true));
    return seeded;
  }

  async #wipe(): Promise<void> {
    for (const topic of this.#topics) {
      const author = everybody.find((one) => this.#may(one, 'retain', topic));
      if (author) await this.#as(author).publish(topic, '', true);
    }
  }

  /** One who comes now and hears what is retained. */
  async #kept(): Promise<Talker> {
    await this.#settled();
    const late = await joined(this.#broker, this.#broker.witnesses![1]);
    // One by one: retained messages may come behind live ones, but no broker takes so many turns over one of them.
    for (const topic of [...this.#topics, topicsOf(fleet).roundsStart]) await late.subscribe(topic);
    await this.#settled(late, 5);
    await late.end();
    return late;
  }

  async #anew(subject: Subject): Promise<Talker> {
    await this.#as(subject).end();
    const talker = await joined(this.#broker, this.#broker.login(subject.role, subject.id));
    this.#talkers.set(subject.id, talker);
    return talker;
  }

  /** Connects with a will and dies; when this resolves, the broker has done what it does with the will. */
  async #dieWith({ role, id }: Subject, topic: string, payload: string, retain: boolean): Promise<void> {
    const { url } = this.#broker;
    const login = this.#broker.login(role, id);
    const will = { topic, payload: Buffer.from(payload), qos: 1 as const, retain };
    const dying = await Talker.join(url, login, { will });
    await dying?.die();
    // The same client again: its old session has ended, and with it the will is out [MQTT-3.1.4-2].
    await (await joined(this.#broker, login)).end();
  }
}

async function joined({ name, url }: CheckedBroker, login: Login): Promise<Talker> {
  const talker = await Talker.join(url, login);
  if (!talker) throw new Error(`${name} does not let ${login.username} in`);
  return talker;
}
