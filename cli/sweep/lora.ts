/** The adapter that the sweep trains: the common FLAN-T5 recipe, without dropout. */
export const sweepLora = { rank: 16, alpha: 32, targets: ['q', 'v'] };
