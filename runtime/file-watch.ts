import { statSync } from 'node:fs';

/**
 * Calls `changed` after one of the files was replaced, written, made or removed. It looks each `everyMs`: events
 * of the system do not reach over mounts and containers.
 * @returns ends it
 */
export function watchFiles(paths: readonly string[], everyMs: number, changed: () => void): () => void {
  const look = () => paths.map(stampOf).join(' ');
  let known = look();
  const timer = setInterval(() => {
    const now = look();
    if (now === known) return;
    known = now;
    changed();
  }, everyMs);
  return () => clearInterval(timer);
}

function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}-${size}-${mtimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
