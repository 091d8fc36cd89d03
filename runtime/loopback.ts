/** Whether an address to listen on is reached from this machine alone. */
export const isLoopback = (host: string) => /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host);
