// The line to the coordinator: comes back by itself, and says when nothing is heard.

/** Every 5 s something comes, also when nothing changes. */
const staleMs = 12_000;
/** A line that is open and silent for so long is none. */
const deadMs = 25_000;
const longestWaitMs = 30_000;

/**
 * Follows the server-sent events at `url` for as long as the page is open.
 * @param {string} url
 * @param {(snapshot: object) => void} heard
 * @param {(state: 'live' | 'stale', sinceMs: number) => void} changed `sinceMs`: when something was heard last
 */
export function follow(url, heard, changed) {
  let source;
  let failures = 0;
  let lastMs = Date.now();
  let again;

  function open() {
    clearTimeout(again);
    again = undefined;
    source?.close();
    source = new EventSource(url);
    source.onmessage = ({ data }) => {
      lastMs = Date.now();
      failures = 0;
      heard(JSON.parse(data));
      changed('live', lastMs);
    };
    // A lost line is opened anew by the browser; one that was refused is not.
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) reopenLater();
    };
  }

  function reopenLater() {
    again ??= setTimeout(open, Math.min(longestWaitMs, 1000 * 2 ** failures++));
  }

  setInterval(() => {
    const silentMs = Date.now() - lastMs;
    if (silentMs > staleMs) changed('stale', lastMs);
    if (silentMs > deadMs && source.readyState === EventSource.OPEN) {
      source.close();
      reopenLater();
    }
  }, 1000);
  addEventListener('online', open);
  open();
}
