import type { Server, Socket } from 'node:net';
import type { Log } from '../runtime/log.js';
import { networkOf } from '../runtime/network.js';
import { QuietLog } from '../runtime/quiet-log.js';
import { Rates } from '../runtime/rate.js';
import { Tally } from '../runtime/tally.js';
import type { Limits } from './limits.js';

type DoorLimits = Pick<
  Limits,
  'maxConnections' | 'maxAddressConnections' | 'maxAddressWaiting' | 'addressConnectsPerS'
>;

/** The same connection, seen as a raw socket, as TLS, or behind a WebSocket. */
const nameOf = ({ remoteAddress, remotePort, localPort }: Socket) =>
  `${remoteAddress} ${remotePort} ${localPort}`;

const burstS = 10;

/** Turns connections away before anything is read of them, by their address. */
export class Door {
  readonly #limits: DoorLimits;
  readonly #log: QuietLog;
  readonly #rates: Rates;
  /** By address. */
  readonly #open = new Tally();
  /** Of these, not let in yet. */
  readonly #waiting = new Tally();
  /** Connection → what says that it waits no more. */
  readonly #entries = new Map<string, () => void>();

  constructor(limits: DoorLimits, log: Log) {
    this.#limits = limits;
    this.#log = new QuietLog(log);
    const perS = limits.addressConnectsPerS;
    this.#rates = new Rates({ perS, burst: Math.max(1, burstS * perS) });
  }

  /** Stands before a server; whoever is turned away is a destroyed socket to its other listeners. */
  guard(server: Server): void {
    const { maxConnections } = this.#limits;
    server.maxConnections = maxConnections;
    server.on('drop', (data) =>
      this.#refuse(data?.remoteAddress ?? '', `${maxConnections} are open (--max-connections)`),
    );
    server.prependListener('connection', (socket: Socket) => {
      const address = networkOf(socket.remoteAddress ?? '');
      const problem = this.#problem(address, Date.now());
      if (problem === undefined) return this.#admit(socket, address);
      this.#refuse(address, problem);
      socket.on('error', () => undefined);
      socket.destroy();
    });
  }

  /** A client was let in. */
  entered(socket: Socket): void {
    this.#entries.get(nameOf(socket))?.();
  }

  #admit(socket: Socket, address: string): void {
    const name = nameOf(socket);
    const leave = this.#open.add(address);
    const enter = this.#waiting.add(address);
    this.#entries.set(name, enter);
    socket.once('close', () => {
      enter();
      leave();
      if (this.#entries.get(name) === enter) this.#entries.delete(name);
    });
  }

  #problem(address: string, nowMs: number): string | undefined {
    const { maxAddressConnections, maxAddressWaiting, addressConnectsPerS } = this.#limits;
    const open = this.#open.of(address);
    const waiting = this.#waiting.of(address);
    if (open >= maxAddressConnections)
      return `${open} from this address are open (--max-address-connections)`;
    if (waiting >= maxAddressWaiting)
      return `${waiting} from this address have not been let in yet (--max-address-waiting)`;
    if (!this.#rates.takeOne(address, nowMs))
      return `more than ${addressConnectsPerS} a second from this address (--address-connects-per-s)`;
    return undefined;
  }

  #refuse(address: string, reason: string): void {
    this.#log.warn('connection refused', { address, reason });
  }
}
