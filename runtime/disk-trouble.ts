/** Whether an error, or what caused it, came from the file system: a full or read-only disk may mend. */
export function isDiskTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return (typeof code === 'string' && typeof syscall === 'string') || isDiskTrouble(error.cause);
}

/** Whether it is one that lasts until somebody makes room, however often it is tried. */
export function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['ENOSPC', 'EDQUOT', 'EROFS'].includes(code) || isNoRoom(error.cause);
}
