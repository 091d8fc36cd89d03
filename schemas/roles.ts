/** What a peer of the broker may be. What each may do: `broker/access.ts`. */
export const roles = ['device', 'coordinator', 'operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** Whom the authority knows by a certificate: peers, and the servers that they connect to. */
export const certificateRoles = [...roles, 'broker'] as const;
export type CertificateRole = (typeof certificateRoles)[number];
