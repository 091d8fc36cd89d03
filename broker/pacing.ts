import type { Duplex } from 'node:stream';

/**
 * Lets a connection's reader wait: until the time is over it reads nothing, then it is told that there may be
 * something. Nothing is lost, as TCP holds the sender back.
 * @returns what makes it wait so many milliseconds from now
 */
export function holdReads(connection: Duplex): (waitMs: number) => void {
  const read = connection.read.bind(connection);
  let timer: NodeJS.Timeout | undefined;
  connection.read = (size?: number) => (timer ? null : read(size));
  connection.once('close', () => clearTimeout(timer));
  return (waitMs) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      connection.emit('readable');
    }, waitMs);
  };
}
