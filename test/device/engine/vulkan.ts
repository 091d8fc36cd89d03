import { existsSync } from 'node:fs';
import { Graph } from '../../../device/engine/graph.js';
import { openOnProvider } from '../../../device/engine/provider.js';

/** Where Debian's chromium-common puts a Vulkan device made of software (SwiftShader). */
const software = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Why WebGPU can't be had here, or false. A machine without a GPU takes the software device where it is installed. */
export async function withoutVulkan(): Promise<string | false> {
  if (!process.env.VK_ICD_FILENAMES && existsSync(software)) process.env.VK_ICD_FILENAMES = software;
  const g = new Graph();
  const x = g.input('x', [1]);
  g.output('y', g.add(x, x));
  try {
    const session = await openOnProvider(g, 'webgpu', { folder: '.', threads: 1, spinning: false });
    await session.release();
    return false;
  } catch (error) {
    return `no Vulkan device (Debian: chromium-common, libvulkan1): ${(error as Error).message}`;
  }
}
