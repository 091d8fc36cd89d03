import type { Example } from '../../../device/engine/engine.js';
import type { Lora, Text, Training } from '../../../schemas/messages.js';

export const lora: Lora = { rank: 4, alpha: 8, targets: ['q', 'v'] };
export const text: Text = { prefix: 'summarize: ', maxSourceTokens: 64, maxTargetTokens: 24 };
export const training: Training = {
  steps: 10,
  epochs: 1000,
  batchSize: 4,
  accumulation: 1,
  learningRate: 0.01,
  weightDecay: 0.01,
  warmupSteps: 0,
  schedule: 'constant',
  clipNorm: 1,
};

export const examples: readonly Example[] = [
  [
    'Ann: The pump in hall 3 leaks again.\nBob: I will change the seal today.',
    'Bob changes the seal of the pump.',
  ],
  ['Kim: Is the gate open?\nLee: No, the motor is hot.', 'The motor of the gate is hot.'],
  [
    'Max: My screen is black.\nIda: Pull the plug, wait, plug it in.\nMax: Now it works!',
    'Max has a picture again.',
  ],
  ['Tom: The line stopped at nine.\nEva: A fuse. I have none left.', 'The line waits for a fuse.'],
  ['Ben: Who has the key of the van?\nUma: Jo took it home.', 'Jo has the key of the van.'],
  ['Zoe: The valve reads 7 bar.\nRay: Close it at 8.', 'Ray wants the valve closed at 8 bar.'],
  ['Ian: Can I order two filters?\nMia: Take four, they are cheap.', 'Ian orders four filters.'],
  [
    'Joe: The roof drips over desk 5.\nAmy: I called the roofer. He comes on Monday.',
    'The roofer comes on Monday.',
  ],
].map(([source, target]) => ({ source: source!, target: target! }));
