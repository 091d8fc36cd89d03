export interface Progress {
  /** What is under way: replaces itself on a terminal, says nothing elsewhere. */
  now(words: string): void;
  /** A line that stays. */
  done(words: string): void;
  /** Takes what was under way off the terminal. */
  end(): void;
}

export function progressLine(out: NodeJS.WriteStream): Progress {
  const clear = out.isTTY ? '\r\x1b[K' : '';
  return {
    now(words) {
      if (out.isTTY) out.write(`${clear}${words.slice(0, Math.max(20, out.columns || 80) - 1)}`);
    },
    done: (words) => out.write(`${clear}${words}\n`),
    end: () => out.write(clear),
  };
}
